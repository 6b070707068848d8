"""Words of everyday English beside the ones that tools are described with: "my money back" and `refund_payment`."""

from typing import Final

SYNONYMS: Final = """
refund reimburse repay repayment money compensation back
pay payment money wire transfer settle remit book
invoice bill receipt
expense receipt cost spend spent reimburse
buy bought purchase order
return send back exchange label
parcel package shipment delivery deliver ship carrier dispatch
track arrive
damage broken break broke pieces faulty defect crack
complain complaint ticket case
customer client buyer shopper person
employee colleague staff worker person
manager boss supervisor team
supplier vendor seller sell manufacturer
punctual reliable late quality rating
leave holiday vacation absence
sick ill flu fever doctor
pay payslip salary wage earn
hire job position vacancy applicant candidate career
onboarding starter join new colleague
resign quit leaves employment fired
meeting appointment call event calendar
reschedule move postpone later earlier
available free meet slot
hotel sleep stay night accommodation
travel trip flight fly train journey
route distance far drive way
weather rain sunny snow temperature forecast
document file paper wiki
contract agreement notice terms
sign signature
share access right permission
delete remove erase forget
cancel stop abort void
create make add register new
change update edit modify correct
find look search
password login log credentials
lock block unlock
account system profile
marketing advertise newsletter promotion advertising
merge duplicate twice double combine
history earlier past before previous
remind reminder overdue chase unpaid dunning
unpaid paid owe due outstanding
instalment month pay plan
credit limit rating trust
currency exchange dollar euro pound yen franc
tax vat duty
cash liquidity money
bank account transaction statement
budget plan spent cost
stock inventory piece left available
reorder replenish restock
reserve keep hold aside
warehouse depot storage store
customs export border abroad
truck lorry dock incoming
pickup collect fetch
call ring phone telephone callback
sms text message mobile
email mail write
answer reply respond draft
translate language english german french spanish portuguese italian polish turkish chinese japanese
voucher credit gift
discount coupon code promotion rebate
address move house flat street
copy export data download
gdpr privacy personal data
assign hand pass forward team
close resolve solve finish
bug issue error developer
down outage status available
restart hang freeze stuck
deploy release version rollout ship
roll revert undo release
log trace line
secret key token password rotate
sales sell sold revenue turnover
visitor traffic conversion click
chart graph plot diagram
query sql database count
web internet online
page site url
course training learn class
room desk space
approve accept okay allow
estimate forecast expect predict
"""
"""One group of words a line; a word may stand in several."""
