"""Consumer mail providers: an address there does not show which company a person works for."""

from __future__ import annotations

_PROVIDERS = frozenset(
    "126.com 163.com aol.com aol.jp att.net au.com biglobe.ne.jp btinternet.com comcast.net daum.net dion.ne.jp "
    "docomo.ne.jp eonet.ne.jp excite.co.jp ezweb.ne.jp fastmail.com free.fr gate02.ne.jp gmail.com gmx.com gmx.de "
    "gmx.net goo.jp googlemail.com hanmail.net hotmail.co.jp hotmail.com i.softbank.jp icloud.com infoseek.jp "
    "jcom.home.ne.jp jcom.zaq.ne.jp libero.it live.com live.jp mac.com mail.com mail.ru me.com msn.com "
    "myyahoo.com naver.com nifty.com nifty.ne.jp ocn.ne.jp orange.fr outlook.com outlook.jp plala.or.jp pm.me "
    "proton.me protonmail.com qq.com rakuten.jp sbcglobal.net so-net.ne.jp softbank.ne.jp t-com.ne.jp t-online.de "
    "tutanota.com verizon.net vodafone.ne.jp web.de yahoo.co.jp yahoo.com yandex.com yandex.ru ymail.com "
    "ymail.ne.jp ymobile.ne.jp zaq.ne.jp zoho.com".split()
)


def is_freemail(domain: str) -> bool:
    """Whether the domain, or a parent domain, belongs to a consumer mail provider."""
    labels = domain.casefold().split(".")
    return any(".".join(labels[start:]) in _PROVIDERS for start in range(len(labels) - 1))
