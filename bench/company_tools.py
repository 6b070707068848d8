"""A hundred tools of one company, and what people ask: the set on which the tool router is measured.

The questions are worded as people word them.
"""

from holdfast import tool
from holdfast.ports import Tool

TABLE = """
find_order(order_id: str) | Look up one order by its number: items, status, payment and delivery.
list_orders(customer_id: str, since: str = "") | List a customer's orders, newest first.
cancel_order(order_id: str, reason: str) | Cancel an order that has not left the warehouse.
change_delivery_address(order_id: str, address: str) | Change where an order is delivered, before it is shipped.
track_parcel(tracking_number: str) | Where a parcel is, with the carrier's scans and the expected day.
create_return(order_id: str, items: list[str], reason: str) | Register a return and make the shipping label for it.
refund_payment(order_id: str, amount: float, reason: str) | Pay back part or all of what a customer paid.
issue_voucher(customer_id: str, amount: float) | Give a customer store credit as a voucher code.
apply_discount(order_id: str, code: str) | Apply a coupon or discount code to an open order.
report_damaged_goods(order_id: str, photos: list[str]) | File a claim with the carrier for goods that arrived broken.
find_customer(query: str) | Find a customer's account by name, e-mail or telephone number.
update_customer(customer_id: str, fields: dict[str, str]) | Change a customer's contact data.
merge_customers(keep: str, drop: str) | Merge two accounts of the same customer into one.
delete_customer_data(customer_id: str) | Erase a customer's personal data (GDPR).
export_customer_data(customer_id: str) | Everything stored about a customer, as a file (GDPR access request).
reset_password(customer_id: str) | Send a customer a link to set a new password.
unlock_account(customer_id: str) | Let a customer log in again after too many failed attempts.
close_account(customer_id: str) | Close a customer's account at their wish.
set_marketing_consent(customer_id: str, consent: bool) | Record whether a customer wants newsletters.
customer_history(customer_id: str) | Earlier conversations, complaints and notes about a customer.
create_ticket(customer_id: str, subject: str, body: str) | Open a support ticket.
find_tickets(query: str, status: str = "open") | Search support tickets.
close_ticket(ticket_id: str, resolution: str) | Close a support ticket with how it was resolved.
assign_ticket(ticket_id: str, team: str) | Hand a support ticket to another team or colleague.
search_help_articles(query: str) | Search the public help centre.
draft_reply(ticket_id: str, tone: str) | Write a draft answer to a ticket.
translate_text(text: str, language: str) | Translate text into another language.
send_email(to: str, subject: str, body: str) | Send an e-mail.
send_sms(to: str, text: str) | Send a text message to a mobile phone.
schedule_callback(customer_id: str, at: str) | Arrange that somebody calls a customer at a time.
get_invoice(invoice_id: str) | One invoice as PDF, with its lines and tax.
list_invoices(customer_id: str, unpaid: bool = False) | Invoices of a customer.
create_invoice(customer_id: str, lines: list[dict[str, str]]) | Write a new invoice.
void_invoice(invoice_id: str, reason: str) | Cancel an invoice that was wrong.
send_payment_reminder(invoice_id: str) | Remind a customer of an overdue invoice.
record_payment(invoice_id: str, amount: float) | Book money that came in for an invoice.
payment_plan(invoice_id: str, months: int) | Let a customer pay an invoice in instalments.
check_credit(customer_id: str) | A customer's credit limit, exposure and rating.
exchange_rate(base: str, quote: str, day: str = "") | Exchange rate between two currencies on a day.
tax_rate(country: str, product_category: str) | The VAT rate for a kind of product in a country.
post_journal_entry(debit: str, credit: str, amount: float) | Post an entry to the general ledger.
account_balance(account: str, day: str = "") | Balance of a ledger account.
expense_report(employee_id: str, month: str) | Expenses that an employee claimed in a month.
approve_expense(expense_id: str) | Approve an expense for reimbursement.
bank_transactions(account: str, since: str) | Movements on a bank account.
make_transfer(iban: str, amount: float, purpose: str) | Transfer money to a bank account.
cash_forecast(weeks: int) | Expected incoming and outgoing cash for the coming weeks.
budget_report(cost_centre: str, quarter: str) | Planned against actual cost of a cost centre.
stock_level(sku: str, warehouse: str = "") | How many pieces of an article are in stock.
reserve_stock(sku: str, quantity: int, until: str) | Set pieces of an article aside.
reorder(sku: str, quantity: int) | Order more pieces of an article from its supplier.
transfer_stock(sku: str, quantity: int, source: str, target: str) | Move pieces between warehouses.
count_stock(warehouse: str, aisle: str) | Start a physical inventory count.
find_supplier(article: str) | Suppliers of an article, with prices and lead times.
supplier_rating(supplier_id: str) | How punctual a supplier is and how good its quality.
purchase_order_status(order_id: str) | State of an order that we placed with a supplier.
inbound_deliveries(day: str) | Trucks and deliveries that are expected at the dock.
print_shipping_label(order_id: str, carrier: str) | Print the label for an outgoing parcel.
book_pickup(carrier: str, day: str) | Ask a carrier to collect parcels.
customs_declaration(order_id: str, country: str) | Make the customs papers for an export.
find_employee(query: str) | Look up a colleague: team, manager, telephone, desk.
vacation_balance(employee_id: str) | Days of leave that an employee has left.
request_leave(employee_id: str, start: str, end: str) | Enter a holiday or other absence.
sick_note(employee_id: str, start: str, days: int) | Record that somebody is ill.
payslip(employee_id: str, month: str) | The pay statement of a month.
open_positions(team: str = "") | Jobs that we are hiring for.
create_candidate(name: str, email: str, position: str) | Add an applicant.
schedule_interview(candidate_id: str, interviewers: list[str], at: str) | Plan a job interview.
start_onboarding(employee_id: str, first_day: str) | Prepare accounts, badge and desk for somebody new.
end_employment(employee_id: str, last_day: str) | Take back access and equipment when somebody leaves.
training_courses(topic: str) | Courses that employees may book.
list_events(day: str, person: str = "") | Meetings in a calendar.
create_event(title: str, start: str, attendees: list[str]) | Put a meeting into calendars and invite people.
move_event(event_id: str, start: str) | Reschedule a meeting.
find_free_time(people: list[str], minutes: int) | When several people are all available.
book_room(room: str, start: str, minutes: int) | Reserve a meeting room.
book_travel(origin: str, destination: str, day: str) | Book a train or flight.
book_hotel(city: str, arrival: str, nights: int) | Book a place to stay.
weather(city: str, day: str) | Weather forecast for a place.
route(origin: str, destination: str) | Distance and travel time between two places.
search_documents(query: str) | Search the company's files and wiki.
read_document(document_id: str) | The text of a document.
write_document(title: str, text: str) | Save a new document.
share_document(document_id: str, person: str) | Give somebody access to a document.
sign_contract(document_id: str, signers: list[str]) | Have a contract signed electronically.
find_contract(party: str) | Contracts with a company: terms, end, notice period.
web_search(query: str) | Search the web.
read_web_page(url: str) | The text of a web page.
run_sql(query: str) | Run a read-only query against the data warehouse.
make_chart(data: list[dict[str, str]], kind: str) | Draw a bar, line or pie chart.
sales_report(period: str, region: str = "") | Revenue and units sold by product and region.
web_analytics(page: str, period: str) | Visitors, sources and conversion of the shop's pages.
server_status(service: str) | Whether a service is up, its latency and error rate.
read_logs(service: str, since: str, contains: str = "") | Log lines of a service.
restart_service(service: str) | Restart a service that hangs.
deploy(service: str, version: str) | Roll a new version out to production.
roll_back(service: str) | Go back to the version that ran before.
create_issue(title: str, body: str) | File a bug or task with the developers.
grant_access(person: str, system: str) | Give somebody rights in a system.
rotate_secret(name: str) | Replace a password or API key by a new one.
"""
"""One tool a line: its function, and what a model is told of it."""

QUESTIONS: dict[str, tuple[str, ...]] = {
    "Where is my order 1042?": ("find_order", "track_parcel"),
    "The vase I got yesterday is in a thousand pieces, I want something done about it": ("report_damaged_goods",),
    "I bought the wrong size, how do I send it back?": ("create_return",),
    "Please give me my money back for order 88, it never came": ("refund_payment",),
    "I moved house last week, can the lamp go to my new flat instead?": ("change_delivery_address",),
    "Don't ship it any more, I changed my mind about order 5512": ("cancel_order",),
    "My tracking code is 00340434161094, when will it be here?": ("track_parcel",),
    "The code SUMMER20 did not work at checkout": ("apply_discount",),
    "Can I have a credit for the next time instead of cash?": ("issue_voucher",),
    "What did Mrs Okafor buy from us this year?": ("list_orders",),
    "I can't get in, it says my account is blocked": ("unlock_account",),
    "I forgot my password": ("reset_password",),
    "Stop sending me advertising": ("set_marketing_consent",),
    "I want a copy of all data that you have about me": ("export_customer_data",),
    "Under GDPR I demand that you delete everything about me": ("delete_customer_data",),
    "Somebody called Mia Brandt wrote in, do we know her?": ("find_customer",),
    "She is in our system twice, once with her maiden name": ("merge_customers",),
    "Has this man complained before?": ("customer_history",),
    "Give this case to the legal team": ("assign_ticket",),
    "Which complaints about the app are still open?": ("find_tickets",),
    "Answer him in Portuguese": ("translate_text",),
    "Ring her tomorrow at nine, please": ("schedule_callback",),
    "Text the driver that the gate is closed": ("send_sms",),
    "I need the PDF of invoice 2024-118 for my accountant": ("get_invoice",),
    "The invoice has the wrong company name, it must be cancelled": ("void_invoice",),
    "Which of their bills have not been paid yet?": ("list_invoices",),
    "They still have not paid, chase them": ("send_payment_reminder",),
    "Could they pay it off over six months?": ("payment_plan",),
    "How many dollars is 300 euros today?": ("exchange_rate",),
    "What VAT do we charge on books in Austria?": ("tax_rate",),
    "Can we let this firm order for 50,000 on account?": ("check_credit",),
    "Wire 1,200 to the landlord, reference May rent": ("make_transfer",),
    "Did the money from Acme arrive at the bank?": ("bank_transactions",),
    "Will we be able to pay everyone next month?": ("cash_forecast",),
    "Has marketing spent more than planned this quarter?": ("budget_report",),
    "Is Tom's taxi receipt all right? Then let it be reimbursed": ("approve_expense",),
    "Do we still have the blue chair?": ("stock_level",),
    "We are running out of A4 paper, get 500 more": ("reorder",),
    "Keep ten of the desks for the school until Friday": ("reserve_stock",),
    "Bring 40 boxes from Hamburg to the Munich warehouse": ("transfer_stock",),
    "Who could sell us oak boards?": ("find_supplier",),
    "Are they reliable, or do they always deliver late?": ("supplier_rating",),
    "What trucks come in tomorrow?": ("inbound_deliveries",),
    "DHL should fetch the parcels on Thursday": ("book_pickup",),
    "The package goes to Switzerland, which papers does it need?": ("customs_declaration",),
    "Who is Jana's boss?": ("find_employee",),
    "How many holidays do I have left?": ("vacation_balance",),
    "I'd like to be off from 3 to 14 August": ("request_leave",),
    "I have the flu and can't come in until Wednesday": ("sick_note",),
    "Where can I see what I earned in March?": ("payslip",),
    "A new colleague starts on Monday, she needs a laptop and a login": ("start_onboarding",),
    "Find an hour when Anna, Ben and I can all meet": ("find_free_time",),
    "Our call with Acme has to be an hour later": ("move_event",),
    "Get me to Vienna on the 12th, by train": ("book_travel",),
    "Where do I sleep in Lyon? Two nights from Tuesday": ("book_hotel",),
    "When can we get out of the contract with the cleaning company?": ("find_contract",),
    "How well did sofas sell in the north last quarter?": ("sales_report",),
    "Is the checkout down?": ("server_status",),
    "The last release broke the search, undo it": ("roll_back",),
    "Tell the developers that the export button does nothing": ("create_issue",),
}
"""What people ask, and which tool serves it: any one of these. Some of the ranking's everyday words came from here."""

UNSEEN: dict[str, tuple[str, ...]] = {
    "The parcel has been sitting in Leipzig for five days": ("track_parcel",),
    "She never wanted the second pair, so only half of the amount goes back to her": ("refund_payment",),
    "The kettle arrived with a dent": ("report_damaged_goods",),
    "My new e-mail is mia@post.example": ("update_customer",),
    "I don't want to be a customer of yours any longer": ("close_account",),
    "He says that we promised him something in spring. What did we write then?": ("customer_history",),
    "This is solved, you can tick it off": ("close_ticket",),
    "What do our help pages say about batteries?": ("search_help_articles",),
    "Please confirm to Mr Sato in writing that we got his letter": ("send_email", "draft_reply"),
    "The transfer of 240 euros for bill 77 came in, note it": ("record_payment",),
    "Bill them for two days of consulting": ("create_invoice",),
    "What is left on the petty cash account?": ("account_balance",),
    "Move 500 from travel to marketing in the books": ("post_journal_entry",),
    "How much did Tom charge to the company in June?": ("expense_report",),
    "When will the screws that we bought finally come?": ("purchase_order_status", "inbound_deliveries"),
    "The shelves in hall 3 should be counted": ("count_stock",),
    "I need a sticker for the box to order 19": ("print_shipping_label",),
    "What jobs are free in the design team?": ("open_positions",),
    "Please put Lena Weiss on the list for the accountant job": ("create_candidate",),
    "Have Sam and Priya talk to the applicant on Friday": ("schedule_interview",),
    "Friday is Joe's last day": ("end_employment",),
    "Where can I learn Excel?": ("training_courses",),
    "What is on my plate tomorrow?": ("list_events",),
    "Invite the whole team to a retrospective on Monday at ten": ("create_event",),
    "We need the big room from two to four": ("book_room",),
    "Do I need an umbrella in Oslo?": ("weather",),
    "How long is the drive from Ghent to Lille?": ("route",),
    "Where is it written how we handle lost keys?": ("search_documents",),
    "Let Paula see the price list": ("share_document",),
    "Get both parties' signatures on the lease": ("sign_contract",),
    "What do our competitors charge for this lamp?": ("web_search",),
    "How many customers ordered more than five times?": ("run_sql",),
    "Show these numbers as a pie": ("make_chart",),
    "How many people looked at the landing page in May?": ("web_analytics",),
    "What did the payment service print before it crashed?": ("read_logs",),
    "The image server hangs, kick it": ("restart_service",),
    "Put version 4.2 live": ("deploy",),
    "Our mail key has leaked": ("rotate_secret",),
    "Ola should be able to use the accounting program": ("grant_access",),
    "Which of our contracts with printers end this year?": ("find_contract",),
}
"""More of them, written when the ranking was done; nothing was changed for their sake."""


def tools() -> list[Tool]:
    """All of them, as declared tools."""
    return [_declared(line) for line in TABLE.strip().splitlines()]


def _declared(line: str) -> Tool:
    signature, _, words = line.partition(" | ")
    names: dict[str, object] = {}
    exec(f"async def {signature} -> str:\n    raise NotImplementedError", names)
    function = names[signature.partition("(")[0]]
    return tool(function, effect="read", description=words)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType]
