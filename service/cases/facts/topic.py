"""Detects a mail that opens by announcing a new topic."""

from __future__ import annotations

import re
import unicodedata

_JA = re.compile(
    r"話(?:は|が|を)(?:変わ|かわ|変え)|別(?:の)?件(?:です|で(?:す|恐縮|恐れ|申し訳|ご|お)|に(?:なり|て)|の(?:ご)?(?:相談|質問|依頼|お願い|お問))"
    r"|(?:(?:本件|この件|前回(?:の件)?|こちら|先日の件)とは|全く|まったく)(?:別|違う|異なる)(?:の)?"
    r"(?:件|話|ご?相談|ご?質問|内容|用件|お願い|お問|ご?依頼|話題|になり|です|で、)"
    r"|(?:新規|新しい|新た)(?:の|な|に)(?:ご)?(?:相談|質問|件|問い?合わ?せ|お問)|別の(?:ご)?(?:相談|質問|話|用件|お問)"
    r"|(?:この|本)(?:スレッド|メール)(?:に|へ)(?:の)?返信(?:の形)?で(?:失礼|恐縮|恐れ)"
    r"|(?:今回|本日|今日|このたび|この度)(?:は|の(?:ご連絡|メール|用件)は)[、 ]?[^。、\n]{1,16}"
    r"(?:について|に関して|の件|のこと|のご相談|のお願い)(?:です|でご|のご|の(?:相談|質問|お|連絡))"
    r"|(?:スレッド|メール|やり取り|やりとり|返信)を(?:お?借り|使わせ|流用)"
    r"|返信(?:する|の|という)?形(?:で|に)(?:て)?(?:大変)?(?:失礼|恐縮|恐れ|すみません|申し訳)|(?:用件|内容|話題|相談|中身)は(?:(?:全く|まったく)?(?:別|違))"
    r"|話題(?:は|が|を)(?:変|かわ)|^ついで(?:で|に|の)(?:恐縮|すみません|申し訳|失礼|お願い|ご?相談|もう(?:一つ|ひとつ|一点))"
    r"|(?:前|先日|以前|過去|古い|手元|直近)の?(?:ご|お)?(?:メール|スレッド|やり取り|やりとり)(?:に|へ|から)(?:そのまま|この形で)?返信"
    r"(?:する形|の形|して(?:おり|い)ます(?:が|。|$)|して(?:すみません|恐縮|失礼))"
    r"|件名(?:は|が)(?:前|古い|以前)の(?:もの|まま)|件名は(?:無視|気にし)"
    r"|とは別(?:で(?:恐縮|恐れ|申し訳|すみません|失礼|ご|お)|の(?:お問い?合わ?せ|お願い|ご?(?:相談|質問|依頼|用件)|(?:機器|機械)(?!で[もは])))"
    r"|とは?(?:全く|まったく)?関係(?:の)?(?:ない|ありません|ございません)(?:話|件|ご?相談|ご?質問|用件|こと|メール|お願い)"
)
_EN = re.compile(
    r"\b(?:(?:on|about|regarding|with|have|got) (?:a|an|another|some) (?:completely |totally "
    r"|entirely )?(?:different|separate|new|unrelated|other) "
    r"(?:topic|note|matter|subject|question|issue|thing|request|inquiry|enquiry|problem)s?|(?:different|unrelated"
    r"|new|separate) (?:question|topic|issue|matter|request)\b[^.\n]{0,20}[:,.]"
    r"|(?:^|sorry[,:;]? )an? (?:completely |totally |entirely |quite )?(?:different|unrelated|separate) "
    r"(?:subject|topic|matter)\b(?! (?:line|is|was|has))[^.\n]{0,60}[,:]"
    r"|changing (?:the )?(?:subject|topic)|unrelated(?: to [^.\n]{1,30})?[,:]|another (?:topic|matter)"
    r"|^(?:a )?different thing\b|\bnothing to do with (?:this|that|yesterday)\b[^.\n]{0,40}[,:]"
    r"|not related to (?:this|the|that)|(?:re-?using (?:this|your|the|an)(?: old| previous)?"
    r"|replying to (?:this|your|the|an) (?:old|previous|closed|unrelated)) "
    r"(?:thread|mail|e-?mail|ticket)\b"
    r"|(?:writing|posting|hanging this|putting this|asking) (?:on|in|to|under|into) (?:this|your|the|an|that) "
    r"(?:old|previous|earlier|last|closed) (?:thread|mail|e-?mail|ticket|conversation)\b"
    r"|(?:while|as|since|now that) i(?:'ve| have)? (?:got |have )?(?:you here|you on the line|your (?:ear|attention))\b"
    r"|\bmy (?:question|request|mail|e-?mail|note) (?:really |actually )?has nothing to do with"
    r"|^(?:this is )?(?:a )?new (?:subject|topic)\s*[,:;–—-]"
    r"|\bi (?:just|simply|lazily|only) (?:hit|pressed|used) reply\b(?! (?:to )?all)"
    r"|\b(?:hijack|borrow|recycl|abus|misus)(?:e|es|ing)? (?:this|your|the|an|that) (?:old |previous |last )?"
    r"(?:thread|mail|e-?mail|conversation)\b"
    r"|(?:ignore|never mind|don't mind|forget) the (?:old |wrong )?subject\b"
    r"|^(?:and |now |now for )?something (?:completely |totally |entirely |quite )"
    r"(?:else|different|unrelated)\s*[,:;–—-]"
    r"|(?:it|this)(?:'s| is) (?:really |actually )?about something (?:else|different|new|unrelated)"
    r"|(?<!think )(?<!sure )(?<!believe )this is (?:a )?(?:new|separate|different) (?:issue|matter|question|request))",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:[^\n。]{0,24}(?:様|さん|殿|御中|各位|担当者様?)[、,]?\s*$"
    r"|(?:hello|hi|dear|good (?:morning|afternoon))\b[^\n.]{0,30}$"
    r"|[^\W\d_][\w'’.-]{1,20}(?: [\w'’.-]{1,20})?,$"
    r"|.{0,40}(?:お世話|おつかれ|お疲れ|いつも|先日は|ありがとう|thank)[^\n]{0,60})",
    re.IGNORECASE,
)


_AT_REST = re.compile(
    r"(?:その後|あれから|以来)(?:は|も|、|に)?[^。、\n]{0,16}"
    r"(?:(?:出て|起きて|起こって|発生して|再発して|鳴って|見られて)(?:い|お)?り?(?:ません|ない(?:です)?)"
    r"|再発(?:は)?(?:なし|ありません|ございません)|問題(?:は|も)?(?:なく|なし|ありません|ございません)|順調|正常|安定|快調)[^。、\n]{0,16}[。.]?$"
    r"|\b(?:been|running|working|runs|works|behaving|stayed) (?:\w+ )?(?:fine|well|smoothly|stable|quiet|perfectly)"
    r"(?: ever)? since\b[^.\n]{0,24}\.?$"
    r"|\b(?:no (?:more|further|new) \w+|(?:has|have)(?: not|n't) (?:come back|happened|occurred|recurred|returned)"
    r"(?: again)?)(?: ever)? since\b[^.\n]{0,24}\.?$",
    re.IGNORECASE,
)
"""Matches a remark that the earlier problem has not occurred since."""


_ASIDE = re.compile(r"あと|なお|ちなみに|それと|また|追伸|also|ps|p\.s\.|btw", re.IGNORECASE)


def begins_new_topic(text: str) -> bool:
    """Whether the first sentence after the greeting announces a new topic.

    One short remark that the earlier problem has not occurred since may come before it; an aside ("by the way") after
    that remark does not count.
    """
    quiet = False
    lines = [line.strip() for line in unicodedata.normalize("NFKC", text[:1500]).splitlines() if line.strip()]
    for sentence in (part for line in lines for part in re.split(r"(?<=[。.!?])\s*", line) if part):
        if _JA.search(sentence) or _EN.search(sentence):
            return not (quiet and _ASIDE.match(sentence))
        if not quiet and len(sentence) <= 60 and _AT_REST.search(sentence):
            quiet = True
        elif not _GREETING.match(sentence) and not _names_oneself(sentence):
            return False
    return False


def _names_oneself(sentence: str) -> bool:
    return len(sentence) <= 40 and bool(
        re.search(r"(?:です|と申します|でございます)[。.]?$|^(?:this is|it's) ", sentence, re.IGNORECASE)
    )
