"""Words that mail clients write around quoted and forwarded mails, by language. Data only, one row per language.

Words are compared after ``fold``: NFKC, case-folded, without direction marks. A word may mean different fields in
different languages ("Da" is From in Italian). The parser of header blocks needs several fields together, so one
ambiguous word is not enough.
"""

# ruff: noqa: E501 -- a table: a language a row

from __future__ import annotations

import unicodedata
from typing import Final, Literal, cast

Field = Literal["from", "to", "cc", "bcc", "subject", "date", "reply_to", "message_id", "raw", "other"]

INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"))


def fold(text: str) -> str:
    """Normalise for comparison: NFKC, case-folded, without direction marks and zero-width characters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()


ROWS: Final = """
en | from | to | cc, copy, copy to, cc to | subject, re, title | date, sent, sent on, date sent, sent at, date/time
ja | 差出人, 送信者, 発信者, 送信元, 発信元, 差出し人, 差出人名, 送信者名 | 宛先, 受信者, 送信先, あて先, 宛名, 受取人, to宛先 | 同報, 写し, 同報先, カーボンコピー, ccの宛先, cc宛先 | 件名, 題名, 表題, 標題, タイトル, サブジェクト, 主題 | 送信日時, 日時, 日付, 送信日, 送信時刻, 受信日時, 受信日, 送信済み, 発信日時, 送信時間, 作成日時
de | von, absender | an, empfänger, für | kopie, kopie (cc) | betreff, thema | gesendet, datum, gesendet am, verschickt
fr | de, expéditeur, from | à, a, pour, destinataire, destinataires | copie à, cc, copie | objet, sujet | envoyé, date, envoyé le, date d'envoi
es | de, remitente, enviado por | para, a, destinatario, destinatarios | cc, con copia, copia | asunto, tema | enviado, fecha, enviado el, fecha de envío
it | da, mittente | a, per, destinatario, destinatari | cc, copia, copia per conoscenza | oggetto | inviato, data, data invio, data di invio, inviata
pt | de, remetente | para, destinatário, a | cc, com cópia, cópia | assunto | enviado, enviada, data, enviado em, enviada em, data de envio
nl | van, afzender | aan, naar | cc, kopie | onderwerp, betreft | verzonden, datum, verstuurd, verzonden op
sv | från, avsändare | till, mottagare | kopia, kopia till | ämne | skickat, datum, skickat den, skickad
da | fra, afsender | til, modtager | cc, kopi | emne | sendt, dato, sendt den
no | fra, avsender | til, mottaker | kopi, kopi til | emne | sendt, dato
fi | lähettäjä, keneltä | vastaanottaja, kenelle, saaja, vastaanottajat | kopio | aihe | lähetetty, päivämäärä, päiväys, pvm
is | frá | til | afrit | efni | sent, dagsetning, dags
pl | od, nadawca | do, adresat, odbiorca | dw, do wiadomości, kopia, udw | temat | wysłano, data, wysłane, data wysłania
cs | od, odesílatel, odesilatel | komu, příjemce, pro | kopie, kopie (cc), kopie pro | předmět, věc | odesláno, datum, posláno
sk | od, odosielateľ | komu, príjemca, adresát, pre | kópia, kópie | predmet | odoslané, dátum, poslané
hu | feladó, küldő, feladja | címzett, címzettek, neki | másolatot kap, másolat, másolatot kapnak | tárgy | elküldve, dátum, küldve, küldés dátuma, küldés ideje
ro | de la, expeditor, de | către, catre, la, destinatar | cc, copie | subiect, subiectul | trimis, dată, data, trimis la, trimisă
hr | od, šalje, pošiljatelj | za, prima, primatelj | kopija, cc | predmet, naslov, tema | poslano, datum, datum slanja
sl | od, pošiljatelj | za, prejemnik | kp, kopija, v vednost | zadeva, predmet | poslano, datum
sr | од, шаље, пошиљалац, od, šalje, pošiljalac | за, прима, прималац, za, prima, primalac | коп, копија, kopija | предмет, наслов, тема | послато, датум, poslato
ru | от, от кого, отправитель | кому, получатель | копия, копии | тема, предмет | отправлено, дата, дата отправки, отправлен
uk | від, від кого, відправник | кому, одержувач, отримувач, до | копія | тема | надіслано, дата, відправлено, надісланий
bg | от, подател, изпращач | до, получател, за | копие, як | относно, тема, предмет | изпратено, дата, изпратен
el | από, αποστολέας | προς, παραλήπτης | κοινοποίηση, κοιν, κοιν. | θέμα | ημερομηνία, στάλθηκε, εστάλη, αποστολή, ημ/νία
tr | kimden, gönderen | kime, alıcı, kime/kimlere | bilgi, kopya | konu | gönderme tarihi, tarih, gönderildi, gönderilen, gönderim
et | saatja, kellelt | saaja, adressaat, kellele, adressaadid | koopia, koopiad | teema | saadetud, kuupäev, saatmisaeg
lv | no, sūtītājs | kam, adresāts | kopija | tēma, temats | nosūtīts, datums
lt | nuo, siuntėjas | kam, iki, gavėjas | kopija | tema | išsiųsta, data, išsiuntimo data
ca | de, remitent | per a, a, per, destinatari | a/c, còpia | assumpte, tema | enviat, data, enviat el
zh | 发件人, 寄件者, 寄件人, 发送人, 發件人, 发信人 | 收件人, 收件者, 发送至, 收信人 | 抄送, 副本, 抄送人 | 主题, 主旨, 主題, 标题, 標題 | 发送时间, 日期, 发送日期, 时间, 寄件日期, 傳送時間, 寄送時間, 寄件時間, 發送時間, 已发送, 已傳送, 傳送日期
ko | 보낸 사람, 보낸사람, 보낸이, 발신, 발신자, 보내는 사람, 보낸 이 | 받는 사람, 받는사람, 받는이, 수신, 수신자, 받은 사람, 받는 이 | 참조 | 제목 | 보낸 날짜, 날짜, 보낸날짜, 발송일, 보낸 시간, 일시, 보냄, 보낸 일시
vi | từ, người gửi | đến, tới, người nhận | đồng gửi, đồng kính gửi | chủ đề, tiêu đề | đã gửi, ngày, gửi, vào lúc, ngày gửi
th | จาก, ผู้ส่ง | ถึง, ผู้รับ | สำเนา, สำเนาถึง | เรื่อง, หัวเรื่อง, หัวข้อ | ส่ง, วันที่, ส่งเมื่อ, วันที่ส่ง
id | dari, pengirim, daripada | kepada, ke, untuk, penerima | salinan, tembusan | perihal, subjek, judul | dikirim, tanggal, terkirim, tarikh, dihantar
he | מאת, מ | אל, עבור | עותק, העתק | נושא, הנדון | נשלח, תאריך, בתאריך
ar | من, المرسل | إلى, الى, المستلم | نسخة, نسخة إلى, نسخه | الموضوع, موضوع | التاريخ, تاريخ الإرسال, أرسل, تم الإرسال, تاريخ, أُرسلت
fa | از, فرستنده | به, گیرنده | رونوشت | موضوع | تاریخ, ارسال, ارسال شده
hi | प्रेषक, से, द्वारा | प्रति, को, प्राप्तकर्ता | प्रतिलिपि | विषय | दिनांक, भेजा गया, तारीख
"""
"""Rows: language | from | to | cc | subject | date and "sent"; several words are separated by commas."""

_COMMON: Final = """
bcc | bcc, cci, cco, ccn, 密送
reply_to | reply-to, reply to, 返信先, antwort an, répondre à, responder a, risposta, rispondi a, svar til, vastausosoite, odpowiedz do, beantwoorden, ответить, антворт
other | importance, 重要度, 優先度, priority, attachments, 添付ファイル, 添付, sensitivity, wichtigkeit, anlagen, priorität, pièces jointes, importancia, importanza, priorità, prioridade, importância, organization, 組織, organisation, resent-from, resent-date, resent-to, sender, newsgroups, list-id, 重要性, 附件, 첨부, categories, 分類, tags, security
raw | received, return-path, mime-version, content-type, x-mailer, in-reply-to, references, content-transfer-encoding, delivered-to, dkim-signature, x-originating-ip
message_id | message-id, メッセージid
"""
"""Rows: field | words of any language."""

_ORDER: Final[tuple[Field, ...]] = ("from", "to", "cc", "subject", "date")


def _labels() -> dict[str, frozenset[Field]]:
    table: dict[str, set[Field]] = {}
    for row in ROWS.strip().split("\n"):
        for field, words in zip(_ORDER, row.split(" | ")[1:], strict=True):
            for word in words.split(", "):
                table.setdefault(fold(word), set()).add(field)
    for row in _COMMON.strip().split("\n"):
        name, words = row.split(" | ")
        for word in words.split(", "):
            table.setdefault(fold(word), set()).add(cast(Field, name))
    return {word: frozenset(fields) for word, fields in table.items()}


def _phrases(text: str) -> frozenset[str]:
    return frozenset(fold(phrase.strip()) for line in text.splitlines() for phrase in line.split("|") if phrase.strip())


def _words(text: str) -> frozenset[str]:
    return frozenset(map(fold, text.split()))


LABELS: Final = _labels()
"""Folded header word → the fields it may mean."""
LONGEST_LABEL: Final = max(map(len, LABELS))

FORWARD_MARKS: Final = _phrases(
    """
    forwarded message | begin forwarded message | forwarded mail | forwarded email | fwd.msg | forward
    forwarded by
    転送メッセージ | 転送されたメッセージ | 転送されたメール | 転送メール | 転送元メッセージ | 転送されるメッセージ | 転送 | ここから転送メッセージです
    転送されたメッセージの開始 | 転送メッセージの開始 | 以下、転送メール | 以下転送 | 以下、転送 | ここから転送メール | 転送始まり | 転送ここから
    weitergeleitete nachricht | anfang der weitergeleiteten nachricht | weitergeleitete mail
    weitergeleitete e-mail
    message transféré | début du message réexpédié | début du message transféré | message réexpédié
    transférer le message | mail transféré
    mensaje reenviado | inicio del mensaje reenviado | correo reenviado | mensaje encaminhado
    messaggio inoltrato | inizio messaggio inoltrato | inizio del messaggio inoltrato | messaggio inviato
    mensagem reencaminhada | início da mensagem reencaminhada | mensagem encaminhada
    início da mensagem encaminhada | mensagem reenviada
    doorgestuurd bericht | begin doorgestuurd bericht | doorgestuurde bericht | doorgezonden bericht
    vidarebefordrat meddelande | vidarebefordrat mejl | vidarebefordrat brev | vidarebefordrade meddelandet
    börja vidarebefordrat meddelande
    videresendt meddelelse | start på videresendt besked | videresendt besked | videresendt e-mail
    videresendt melding
    videresendt e-post | begynnelse på videresendt melding | start på videresendt melding
    välitetty viesti | välitetty viesti alkaa | edelleenlähetetty viesti | välitetty viesti / fwd.msg
    przekazana wiadomość | początek przekazywanej wiadomości | wiadomość przekazana
    wiadomość przekazana dalej | treść przekazanej wiadomości
    przeposlaná zpráva | začátek přeposílané zprávy | přeposlaná zpráva | předaná zpráva | preposlaná správa
    začiatok preposielanej správy | začiatok preposlanej správy | ileti başlangıcı | i̇leti başlangıcı
    továbbított üzenet | továbbított levél kezdete | továbbított levél | továbbított üzenet kezdete
    továbbított e-mail
    mesaj redirecționat | mesaj redirecţionat | mesajul redirecționat | începe mesajul redirecționat
    începe mesajul redirecţionat | mesaj înaintat | mesaj transmis
    proslijeđena poruka | započni proslijeđenu poruku | posredovano sporočilo
    začetek posredovanega sporočila | прослеђена порука | prosleđena poruka
    пересылаемое сообщение | начало переадресованного сообщения | переадресованное сообщение
    перенаправленное сообщение | пересланное сообщение | пересылаемое письмо | начало пересылаемого сообщения
    перенаправлене повідомлення | переслане повідомлення | початок листа, що пересилається
    переадресоване повідомлення | пересланий лист | початок переадресованого повідомлення
    препратено съобщение | начало на препратеното съобщение | προωθημένο μήνυμα
    έναρξη προωθημένου μηνύματος | προωθούμενο μήνυμα
    iletilmiş mesaj | iletilen mesaj | iletilen ileti | iletilen iletinin başlangıcı | yönlendirilmiş ileti
    i̇letilmiş mesaj | i̇letilen mesaj | i̇letilen ileti | i̇letilmiş ileti
    edastatud kiri | edastatud sõnum | edastatud kirja algus | pārsūtīts ziņojums | pārsūtītā vēstule
    persiųstas laiškas | persiunčiamas laiškas | persiųsta žinutė | missatge reenviat
    转发邮件信息 | 转发的邮件 | 转发邮件 | 已转发邮件 | 轉寄郵件 | 轉寄的郵件 | 轉寄訊息 | 轉呈郵件 | 开始转发的邮件 | 被转发的邮件 | 下面是被转发的邮件 | 以下是轉寄的郵件
    已轉寄的郵件 | 开始转发邮件 | 轉寄郵件開始
    전달된 메시지 | 전달된 메일 | 전달한 메시지 | 전달된 이메일 | 전달된 메시지 시작
    thư đã chuyển tiếp | tin nhắn đã chuyển tiếp | thư được chuyển tiếp | ข้อความที่ส่งต่อ
    เริ่มต้นข้อความที่ส่งต่อ | pesan terusan | pesan yang diteruskan | mesej yang dimajukan
    הודעה שהועברה | תחילת ההודעה שהועברה | הודעה מועברת | رسالة معاد توجيهها | رسالة محولة
    بداية الرسالة المعاد توجيهها | رسالة أُعيد توجيهها | پیام ارسال شده | अग्रेषित संदेश
    framsend skilaboð | áframsend skilaboð
    """
)
"""Phrases of the line above a forwarded mail, without dashes and colon."""

ORIGINAL_MARKS: Final = (
    _phrases(
        """
    original message | original email | original mail | original appointment | reply message | quoted message
    original-nachricht
    元のメッセージ | 元のメール | オリジナルメッセージ | 元メッセージ | 返信元メッセージ | 引用メッセージ | original messages | 元の予定 | 以前のメッセージ
    ursprüngliche nachricht | originalnachricht | ursprüngliche mail | message d'origine | message original
    message initial | mensaje original | messaggio originale
    mensagem original | oorspronkelijk bericht | origineel bericht | originalmeddelande
    ursprungligt meddelande | ursprungsmeddelande | oprindelig meddelelse | original meddelelse
    oprindelig besked
    opprinnelig melding | original melding | alkuperäinen viesti | wiadomość oryginalna
    oryginalna wiadomość | treść oryginalnej wiadomości | původní zpráva | pôvodná správa | eredeti üzenet
    eredeti levél
    mesaj original | mesajul original | mesaj iniţial | mesaj inițial | originalna poruka | izvorna poruka
    izvirno sporočilo | оригинална порука
    исходное сообщение | исходное письмо | оригинальное сообщение | пересылаемое сообщение
    вихідне повідомлення | оригінальне повідомлення | оригинално съобщение | αρχικό μήνυμα
    orijinal mesaj | özgün i̇leti | özgün ileti | orjinal mesaj | algne kiri | algkiri | sākotnējais ziņojums
    originalus laiškas | pradinis laiškas | missatge original
    原始邮件 | 原始郵件 | 邮件原件 | 原始邮件信息 | 原邮件 | 原始訊息 | 回复的原邮件 | 回覆的原郵件 | 원본 메시지 | 원본 메일 | 원본메시지 | 원본 이메일
    tin nhắn gốc | thư gốc | thông điệp gốc | ข้อความต้นฉบับ | ข้อความเดิม | pesan asli | pesan asal
    mesej asal | הודעה מקורית | الرسالة الأصلية | رسالة أصلية | پیام اصلی | मूल संदेश
    upprunaleg skilaboð
    """
    )
    - FORWARD_MARKS
)
"""Phrases of the line above a mail that is answered."""

END_STARTS: Final = (
    "end of ",
    "end forwarded",
    "end original",
    "fin du ",
    "ende der ",
    "fin del ",
    "fine messaggio",
    "fim da ",
)
END_ENDS: Final = (" ends", " end", "ここまで", "終わり", "終了", "おわり")
"""Beginnings and ends of the line that some clients draw below a forwarded or quoted mail."""

WROTE: Final = tuple(
    sorted(
        _phrases(
            """
    wrote | writes | has written | さんは書きました | に書きました | は書きました | が書きました | さんが書きました | さん wrote | のメール | のメッセージ
    のメールに返信 | さんからのメール | さんのメール | さんが書いた
    schrieb | schrieben | geschrieben | hat geschrieben | a écrit | a écrit le | écrit | écrivait | escribió
    escribio | va escriure | ha escrit | ha scritto | scrisse | scrive | escreveu | schreef
    heeft geschreven | geschreven
    skrev | skrev följande | skrev følgende | skrifaði | kirjoitti | napisał | napisał(a) | napisał/a
    napisała | pisze | napsal | napsal(a) | napsala | napísal | napísal(a) | napísala | píše
    írta | írta a következőt | ezt írta | a scris | scris | napisao | napisao/la je | napisao je
    napisala je | je napisao/la | je napisal | je napisala | piše | napisao/la | је написао | је написао/ла
    је написала
    написал | написал(а) | написала | пишет | писал | пишет вам | пише | написав | написав(-ла) | написав(ла)
    писав | писав(ла) | написа | έγραψε | yazdı | şunu yazdı | şunları yazdı | kirjutas | rakstīja | rašė
    parašė
    写道 | 寫道 | 于写道 | 撰写 | 작성 | 님이 작성 | 썼습니다 | 님이 씀 | đã viết | viết | เขียน | menulis | כתב | כתב/ה | כתבה
    כתב\u200f | كتب | كتبت | نوشت | ने लिखा
    """
        )
    )
)
"""Verbs of the attribution line, which says who wrote the text below it."""

FORWARD_PREFIXES: Final = _words(
    """
    fw fwd forward 転送 wg tr trs rv reenv i inoltra enc doorst vb vs videresend videres vid vl
    vidarebefordrat pd przek továbbítás tovább пересл пер прд фв 轉寄 转发 轉呈 전달 ilt i̇lt yml προωθ πρθ edasi ed
    pārs persiųsta εκ fs chuyển
    """
)
"""Prefixes of forwarded subjects. "VS" means an answer in Finnish and a forward in Danish; it counts as a forward."""
REPLY_PREFIXES: Final = _words(
    """
    re aw antw antwort sv ré rép réf r res odp odpověď vá válasz 返信 回复 回覆 答复 答覆 답장 回信 返 ynt απ σχετ отв вiдп
    відп ответ на bls balas tb atb ats ri rif svar vast
    """
)
