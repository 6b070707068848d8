"""What the rules say to customers, in five languages."""

# ruff: noqa: E501 - a sentence to a customer is read whole

from collections.abc import Mapping
from typing import Literal

from words import Language

Phrase = Literal[
    "hello",
    "sorry_late",
    "on_its_way",
    "processing",
    "delivered",
    "lost",
    "other_order",
    "refunded",
    "refund_declined",
    "address_saved",
    "redirected",
    "invoice_sent",
    "invoice_declined",
    "policy",
    "thanks",
    "refund_subject",
    "invoice_subject",
]

PHRASES: Mapping[Phrase, Mapping[Language, str]] = {
    "hello": {"en": "Hello {name},", "de": "Guten Tag {name},", "fr": "Bonjour {name},", "es": "Hola, {name}:", "da": "Hej {name},"},
    "sorry_late": {
        "en": "We are sorry: your parcel is {days} days late.",
        "de": "Es tut uns leid: Ihr Paket ist {days} Tage verspätet.",
        "fr": "Nous sommes désolés : votre colis a {days} jours de retard.",
        "es": "Lo sentimos: su paquete lleva {days} días de retraso.",
        "da": "Vi beklager: din pakke er {days} dage forsinket.",
    },
    "on_its_way": {
        "en": "Your order {order} is on its way with {carrier}, tracking number {number}. Last news of {day}: {event} ({place}). Promised day: {promised}.",
        "de": "Ihre Bestellung {order} ist mit {carrier} unterwegs, Sendungsnummer {number}. Letzte Meldung vom {day}: {event} ({place}). Zugesagter Tag: {promised}.",
        "fr": "Votre commande {order} est en route avec {carrier}, numéro de suivi {number}. Dernière nouvelle du {day} : {event} ({place}). Date promise : {promised}.",
        "es": "Su pedido {order} está en camino con {carrier}, número de seguimiento {number}. Última noticia del {day}: {event} ({place}). Fecha prometida: {promised}.",
        "da": "Din ordre {order} er på vej med {carrier}, sporingsnummer {number}. Sidste nyt fra {day}: {event} ({place}). Lovet dag: {promised}.",
    },
    "processing": {
        "en": "Your order {order} is being packed; you get the tracking number by e-mail on the day it leaves us.",
        "de": "Ihre Bestellung {order} wird gerade gepackt; die Sendungsnummer kommt per E-Mail, sobald sie uns verlässt.",
        "fr": "Votre commande {order} est en préparation ; vous recevrez le numéro de suivi par e-mail le jour du départ.",
        "es": "Su pedido {order} se está preparando; recibirá el número de seguimiento por correo el día que salga.",
        "da": "Din ordre {order} bliver pakket; du får sporingsnummeret på e-mail den dag, den forlader os.",
    },
    "delivered": {
        "en": "Your order {order} was delivered on {day} by {carrier}, tracking number {number}.",
        "de": "Ihre Bestellung {order} wurde am {day} von {carrier} zugestellt, Sendungsnummer {number}.",
        "fr": "Votre commande {order} a été livrée le {day} par {carrier}, numéro de suivi {number}.",
        "es": "Su pedido {order} fue entregado el {day} por {carrier}, número de seguimiento {number}.",
        "da": "Din ordre {order} blev leveret den {day} af {carrier}, sporingsnummer {number}.",
    },
    "lost": {
        "en": "We are very sorry: {carrier} has declared the parcel of your order {order} lost. Tell us that you want your money back and we refund {amount} EUR in full.",
        "de": "Es tut uns sehr leid: {carrier} hat das Paket Ihrer Bestellung {order} als verloren gemeldet. Schreiben Sie uns, dass Sie Ihr Geld zurück möchten, und wir erstatten die vollen {amount} EUR.",
        "fr": "Nous sommes vraiment désolés : {carrier} a déclaré perdu le colis de votre commande {order}. Dites-nous que vous souhaitez être remboursé et nous vous rendons les {amount} EUR.",
        "es": "Lo sentimos mucho: {carrier} ha declarado perdido el paquete de su pedido {order}. Díganos que quiere su dinero y le devolvemos los {amount} EUR.",
        "da": "Vi beklager meget: {carrier} har meldt pakken med din ordre {order} bortkommet. Skriv, at du ønsker pengene tilbage, så refunderer vi alle {amount} EUR.",
    },
    "other_order": {
        "en": "We find no order {asked} of yours, so this is about your order {order}.",
        "de": "Eine Bestellung {asked} finden wir bei Ihnen nicht; dies betrifft deshalb Ihre Bestellung {order}.",
        "fr": "Nous ne trouvons pas de commande {asked} à votre nom ; ceci concerne donc votre commande {order}.",
        "es": "No encontramos ningún pedido {asked} suyo; esto se refiere por tanto a su pedido {order}.",
        "da": "Vi finder ingen ordre {asked} hos dig, så dette handler om din ordre {order}.",
    },
    "refunded": {
        "en": "We have refunded {amount} EUR for order {order}. It is on your account within 5 working days.",
        "de": "Wir haben {amount} EUR für die Bestellung {order} erstattet. Der Betrag ist innerhalb von 5 Werktagen auf Ihrem Konto.",
        "fr": "Nous avons remboursé {amount} EUR pour la commande {order}. La somme sera sur votre compte sous 5 jours ouvrés.",
        "es": "Hemos devuelto {amount} EUR del pedido {order}. Los tendrá en su cuenta en 5 días laborables.",
        "da": "Vi har refunderet {amount} EUR for ordre {order}. Beløbet er på din konto inden for 5 hverdage.",
    },
    "refund_declined": {
        "en": "A colleague has looked at your claim about order {order} and could not agree to this refund. Reply to this message and we look at it together.",
        "de": "Eine Kollegin hat Ihr Anliegen zur Bestellung {order} geprüft und konnte dieser Erstattung nicht zustimmen. Antworten Sie einfach, dann sehen wir es uns gemeinsam an.",
        "fr": "Une collègue a examiné votre demande sur la commande {order} et n'a pas pu accepter ce remboursement. Répondez à ce message et nous regarderons cela ensemble.",
        "es": "Una compañera ha revisado su petición sobre el pedido {order} y no ha podido aprobar esta devolución. Responda a este mensaje y lo vemos juntos.",
        "da": "En kollega har set på din henvendelse om ordre {order} og kunne ikke godkende denne refusion. Svar på denne besked, så ser vi på det sammen.",
    },
    "address_saved": {
        "en": "Your new address is saved: {address}.",
        "de": "Ihre neue Adresse ist gespeichert: {address}.",
        "fr": "Votre nouvelle adresse est enregistrée : {address}.",
        "es": "Su nueva dirección está guardada: {address}.",
        "da": "Din nye adresse er gemt: {address}.",
    },
    "redirected": {
        "en": "Order {orders} goes there.",
        "de": "Die Bestellung {orders} geht dorthin.",
        "fr": "La commande {orders} y sera envoyée.",
        "es": "El pedido {orders} irá allí.",
        "da": "Ordre {orders} sendes dertil.",
    },
    "invoice_sent": {
        "en": "The invoice for order {order} is on its way to {to}.",
        "de": "Die Rechnung zur Bestellung {order} ist unterwegs an {to}.",
        "fr": "La facture de la commande {order} part vers {to}.",
        "es": "La factura del pedido {order} va de camino a {to}.",
        "da": "Fakturaen for ordre {order} er på vej til {to}.",
    },
    "invoice_declined": {
        "en": "A colleague could not agree to send the invoice for order {order} to that address. We gladly send it to the address on file.",
        "de": "Eine Kollegin konnte dem Versand der Rechnung zur Bestellung {order} an diese Adresse nicht zustimmen. An die hinterlegte Adresse senden wir sie gern.",
        "fr": "Une collègue n'a pas pu accepter l'envoi de la facture de la commande {order} à cette adresse. Nous l'envoyons volontiers à l'adresse enregistrée.",
        "es": "Una compañera no ha podido aprobar el envío de la factura del pedido {order} a esa dirección. Con gusto la enviamos a la dirección registrada.",
        "da": "En kollega kunne ikke godkende at sende fakturaen for ordre {order} til den adresse. Vi sender den gerne til den registrerede adresse.",
    },
    "policy": {
        "en": "Our rule on this ({title}): {text}",
        "de": "Unsere Regel dazu, im englischen Wortlaut ({title}): {text}",
        "fr": "Notre règle à ce sujet, en anglais ({title}) : {text}",
        "es": "Nuestra norma al respecto, en inglés ({title}): {text}",
        "da": "Vores regel om dette, på engelsk ({title}): {text}",
    },
    "thanks": {
        "en": "Thank you for your kind words. Enjoy it!",
        "de": "Vielen Dank für die netten Worte. Viel Freude damit!",
        "fr": "Merci pour vos gentils mots. Profitez-en bien !",
        "es": "Gracias por sus amables palabras. ¡Que lo disfrute!",
        "da": "Tak for de pæne ord. God fornøjelse!",
    },
    "refund_subject": {
        "en": "Your refund for order {order}",
        "de": "Ihre Erstattung zur Bestellung {order}",
        "fr": "Votre remboursement, commande {order}",
        "es": "Su devolución del pedido {order}",
        "da": "Din refusion for ordre {order}",
    },
    "invoice_subject": {
        "en": "Invoice for order {order}",
        "de": "Rechnung zur Bestellung {order}",
        "fr": "Facture de la commande {order}",
        "es": "Factura del pedido {order}",
        "da": "Faktura for ordre {order}",
    },
}  # fmt: skip

SIGNATURE = "Harbour & Pine"


def say(phrase: Phrase, language: Language, **fields: object) -> str:
    """A phrase in the customer's language, filled in."""
    return PHRASES[phrase][language].format(**fields)
