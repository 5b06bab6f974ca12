"""Mails of our own making that tests of what people and programs see go by: an incident, a question, an answer."""

from __future__ import annotations

REPORT = """
From: 北川 亮 <r.kitagawa@corp.example>
To: intake@corp.example
Subject: 全社ポータルにサインインできません
Message-ID: <report@corp.example>
Date: Tue, 17 Nov 2026 09:10:00 +0900
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

お疲れ様です。営業部の北川です。
今朝から全社ポータルにサインインできません。エラー 0x80190001 が表示されます。
営業部 約40名が業務を止められています。回避策はありません。

北川
"""

RELAYED = """
From: SB C&S Support Desk <desk@sbcs.co.jp>
To: s.miyamoto@corp.example
Subject: [SB C&S] Ticket No. SBCS-0066441 / Citrix Case 86110022
Message-ID: <relayed@corp.example>
Date: Tue, 17 Nov 2026 12:00:00 +0900
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

The maker has taken the ticket on; please keep writing to us.
"""

ASK = """
From: 宮本 沙織 <s.miyamoto@corp.example>
To: intake@corp.example
Subject: FW: TrackingID#2611170040001177 ポータルへのサインイン
Message-ID: <ask@corp.example>
Date: Tue, 17 Nov 2026 11:00:00 +0900
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

ログの依頼が来ています。

宮本
________________________________
差出人: Microsoft サポート <support@mail.support.microsoft.com>
送信日時: 2026年11月17日 10:40
宛先: 宮本 沙織 <s.miyamoto@corp.example>
件名: TrackingID#2611170040001177 ポータルへのサインイン

宮本 様

お問い合わせありがとうございます。
調査のため、サインインログをご提供いただけますでしょうか。
"""

LOGS = """
From: 宮本 沙織 <s.miyamoto@corp.example>
To: Microsoft サポート <support@mail.support.microsoft.com>
Cc: intake@corp.example
Subject: RE: TrackingID#2611170040001177 ポータルへのサインイン
Message-ID: <logs@corp.example>
In-Reply-To: <ask@corp.example>
References: <ask@corp.example>
Date: Tue, 17 Nov 2026 13:00:00 +0900
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

宮本です。サインインログを添付いたします。
--b
Content-Type: text/csv; name="signin.csv"
Content-Disposition: attachment; filename="signin.csv"

time,result
09:02,50053
--b--
"""

REFUND = """
From: Dana Whitlock <d.whitlock@corp.example>
To: intake@corp.example
Subject: Zoom invoice for October
Message-ID: <refund@corp.example>
Date: Mon, 16 Nov 2026 15:00:00 +0900
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hi, the Zoom invoice for October shows the full amount, although the service was down for a day.
経理から返金の確認を頼まれています。 Is a refund possible?

Dana
"""
