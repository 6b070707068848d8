"""How customers say what they want, in five languages: the vocabulary that the rules read with."""

# ruff: noqa: E501, SIM905 - phrases and words in a row read better

import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "de", "fr", "es", "da"]

Wish = Literal[
    "track",  # where is it, when does it come
    "not_received",  # it says delivered, but I have nothing
    "faulty",  # broken, damaged, wrong
    "charged_twice",
    "lost",
    "shipping_back",  # the shipping costs back, because it was late
    "money",  # money back, whatever the reason
    "address",
    "invoice",
    "policy",
    "thanks",
    "cancel",
    "replace",
    "legal",
    "erase",
    "person",
]

FOR_PEOPLE: frozenset[Wish] = frozenset({"cancel", "replace", "legal", "erase", "person"})
"""Wishes that no rule may grant: there is no tool for them, or they need judgement."""

PHRASES: Mapping[Wish, str] = {
    "track": r"""
        where\ (?:is|are|s)\b | where'?s\ (?:my|the) | wher\ is | any\ news | when\ (?:does|will|do|is) .{0,30}(?:arrive|come|get)
        | tracking | not\ arrived | waiting\ for | has\ it\ shipped
        | wo\ (?:bleibt|ist|steckt) | wann\ (?:kommt|wird) | sendungsnummer | noch\ nicht\ (?:da|angekommen)
        | o[uù]\ (?:est|en\ est|se\ trouve) | quand\ (?:arrive|vais)
        | d[oó]nde\ est[aá] | cu[aá]ndo\ (?:llega|llegar)
        | hvor\ (?:er|bliver) | hvorn[aå]r\ (?:kommer|f[aå]r)
    """,
    "not_received": r"""
        never\ (?:received|arrived|got) | did\ not\ (?:receive|get) | says\ (?:it\ (?:is|was)\ )?delivered
        | nie\ (?:erhalten|angekommen) | nicht\ erhalten
        | jamais\ re[cç]u | pas\ re[cç]u | nunca\ (?:he\ recibido|lleg) | no\ he\ recibido
        | aldrig\ (?:modtaget|f[aå]et)
    """,
    "faulty": r"""
        broken? | damaged? | defective | cracked | smashed | wrong\ (?:item|colou?r|product|size) | flicker
        | kaputt | besch[aä]digt | zerbrochen | defekt | falsche[nrs]?\ (?:artikel|farbe|ware)
        | cass[eé]e?s? | ab[iî]m[eé] | endommag | mauvais\ article
        | rot[oa]s?\b | da[nñ]ad | defectuos | equivocad | pedazos
        | i\ stykker | [oø]delagt | beskadiget | forkert\ (?:vare|farve)
    """,
    "charged_twice": r"""
        charged\ (?:me\ )?(?:twice|double|two\ times) | double\ charge | paid\ twice
        | (?:doppelt|zweimal)\ (?:abgebucht|belastet|bezahlt) | d[eé]bit[eé]e?\ deux\ fois | pr[eé]lev[eé]\ deux\ fois
        | cobra\w*\ (?:dos\ veces|doble|el\ doble) | cobro\ doble | trukket\ (?:to\ gange|dobbelt)
    """,
    "lost": r"""
        (?:is|got|was|been)\ lost | lost\ (?:parcel|package) | verloren | perdu\b | perdido | bortkommet | forsvundet
    """,
    "shipping_back": r"""
        (?:shipping|postage|delivery)\ (?:costs?|fees?|charges?).{0,25}(?:back|refund)
        | refund.{0,20}(?:shipping|postage) | versandkosten.{0,25}(?:zur[uü]ck|erstatt)
        | frais\ de\ (?:port|livraison).{0,25}rembours | devol\w+.{0,25}gastos\ de\ env | fragten?\ (?:tilbage|retur)
    """,
    "money": r"""
        refund | money\ back | reimburse | euros?\ back
        | geld\ zur[uü]ck | r[uü]ckerstatt | erstatten
        | rembours | devuelvan | devoluci[oó]n\ del\ dinero | reembols | pengene\ (?:tilbage|retur)
    """,
    "address": r"""
        (?:new|my|change\ (?:of|the|my)|different|delivery|wrong)\ (?:delivery\ )?address | i'?ve\ moved | (?:have|has)\ moved
        | neuen?\ (?:adresse|anschrift) | umgezogen | (?:nouvelle|chang\w+\ (?:d'|mon\ |l'))\ ?adresse | d[eé]m[eé]nag
        | nueva\ direcci[oó]n | mudado | ny(?:e)?\ adresse | flyttet
    """,
    "invoice": r"\b(?:invoice|rechnung|facture|factura|faktura)\b",
    "policy": r"""
        how\ (?:long|much|many\ days) | do\ you\ (?:ship|deliver|offer|accept|take|have) | (?:can|may)\ i\ return
        | what\ (?:is|are|does)\ .{0,20}(?:policy|cost|return|shipping|warranty) | return\ (?:window|policy) | warranty | gift\ card
        | wie\ lange | liefern\ sie | garantie | r[uü]ckgabefrist
        | quel(?:le)?\ est\ le\ d[eé]lai | d[eé]lai\ de\ retour | livrez-vous
        | garant[ií]a | plazo\ de\ devoluci | env[ií]an\ a | hvor\ l[aæ]nge | returret | sender\ i\ til
    """,
    "thanks": r"""
        thank(?:s|\ you) | thx | cheers | danke | vielen\ dank | merci | gracias | tak\b | mange\ tak
        | lovely | great\ service
    """,
    "cancel": r"\b(?:cancel\w* | stornier\w* | annul\w* | cancelar | afbestil\w*)\b",
    "replace": r"""
        replacement | send\ (?:me\ )?(?:a\ )?(?:new\ one|another) | exchange
        | ersatz\w* | umtausch\w* | remplac\w+ | [eé]chang\w+ | reemplaz\w+ | cambio\ por | ombyt\w* | bytte\b
    """,
    "legal": r"""
        lawyer | solicitor | attorney | chargeback | legal\ action | court | trading\ standards
        | anwalt | rechtliche\ schritte | avocat | abogad[oa] | advokat
    """,
    "erase": r"""
        delete\ my\ (?:account|data) | gdpr | (?:konto|daten)\ l[oö]schen | dsgvo | supprim\w+\ mon\ compte
        | (?:borrar|eliminar)\ mi\ cuenta | slet(?:te)?\ min\ konto
    """,
    "person": r"""
        (?:real|human)\ (?:person|being) | speak\ (?:to|with)\ (?:a|someone|your) | call\ me
        | r[uü]fen\ sie\ mich | rappelez | ll[aá]m[ae]n?me | ring\ til\ mig
    """,
}

WISHES: Mapping[Wish, re.Pattern[str]] = {
    wish: re.compile(pattern, re.VERBOSE | re.IGNORECASE | re.DOTALL) for wish, pattern in PHRASES.items()
}

HEDGES = re.compile(
    r"""\b(?: not | n't | don'?t | doesn'?t | isn'?t | no\ longer | never | nothing | without
        | if | in\ case | suppose | do\ (?:you|i) | would\ (?:you|i)\ (?:get|be|refund)
        | nicht | kein\w* | nichts | wenn | falls | bekomm\w*\ ich
        | ne | n'\w+ | pas | jamais | rien | si | s'il | est-ce\ que
        | no | nunca | nada | en\ caso
        | ikke | intet | hvis | f[aå]r\ jeg )\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Words that turn a wish around or make it a question: "I do not want", "what if it arrives broken"."""

STOP_WORDS: Mapping[Language, frozenset[str]] = {
    "en": frozenset(
        "the a an is are was my i it to for of and in on have has where when please you your this that do does not "
        "thanks thank hi hello hey dear with from would like be came arrived".split()
    ),
    "de": frozenset(
        "der die das ist ein eine und ich meine mein mir wo bleibt bitte nicht sie zu zur aus auf mit von bei an "
        "danke hallo guten tag herren damen sehr habe bin schickt noch einmal".split()
    ),
    "fr": frozenset(
        "le la les un une est et je j'ai ma mon mes où bonjour merci pas vous de des du pour dans chez quel suis "
        "voudrais être commande que qu'est-ce n'ai".split()
    ),
    "es": frozenset(
        "el la los las un una es está y mi me he han por favor hola gracias del en de que quiero dónde buenos buenas "
        "días tardes ha son no pedido".split()
    ),
    "da": frozenset(
        "er en et og jeg min mit har fået hej hvor hvornår ikke på til vil gerne tak med den det i kan ny venlig "
        "hilsen mvh ordre".split()
    ),
}
"""Small words that tell the languages apart. A text in none of them goes to a person."""

ENGLISH_TO_SPELL: tuple[str, ...] = (
    "package", "parcel", "refund", "broken", "damaged", "address", "invoice", "received", "arrived", "delivery",
    "shipping", "replacement", "cancel",
)  # fmt: skip
"""Words that customers in a hurry misspell and that a reading depends on."""

ORDER_WORD = r"(?:orders?|bestellung|bestellnr|auftrag|commande|pedido|ordren?|rechnung\s+zur\s+bestellung)"

POLICY_TOPICS: Mapping[str, re.Pattern[str]] = {
    "return window unused days": re.compile(r"return|r[uü]ckgabe|retour|devoluci|returret", re.IGNORECASE),
    "ship countries costs Norway": re.compile(
        r"ship|deliver\b|liefern|livrez|env[ií]an|sender\ i\ til|norw", re.IGNORECASE
    ),
    "warranty guarantee two years": re.compile(r"warranty|guarantee|garant", re.IGNORECASE),
    "gift cards valid": re.compile(r"gift\ card|gutschein|carte\ cadeau|tarjeta\ regalo|gavekort", re.IGNORECASE),
    "ways to pay cards PayPal": re.compile(r"paypal|pay\ by|bezahlen|payer|pagar|betale", re.IGNORECASE),
}
"""Search words for `search_policy`, by what a question is about."""

PRODUCT_WORDS: Mapping[str, str] = {
    "lamp": "lamp|lampe|lámpara",
    "teapot": "teapot|teekanne|théière|tetera|tekande",
    "set": "tea set|teeservice|service à thé|juego de té|testel",
    "mug": "mug|becher|tasse|taza|krus",
    "bowl": "bowl|schale|bol|cuenco|skål",
    "stool": "stool|hocker|tabouret|taburete|skammel",
    "armchair": "armchair|sessel|fauteuil|sillón|lænestol",
    "blanket": "blanket|decke|couverture|manta",
    "cushion": "cushion|kissen|coussin|cojín|puden?",
    "rug": "rug|teppich|tapis|alfombra|tæppet?",
    "lantern": "lantern|laterne|lanterne|farol",
    "candlestick": "candlestick|kerzenständer|bougeoir|candelero|lysestage",
    "mirror": "mirror|spiegel|miroir|espejo|spejl",
}
"""How customers name goods, by the last word of the product's name."""
