-- The shop's own tables. Money is in euro cents, dates are ISO.
CREATE TABLE customers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE,
  language TEXT NOT NULL
) STRICT;

-- The newest row of a customer is the present address; older ones stay for the record.
CREATE TABLE addresses (
  id INTEGER PRIMARY KEY,
  customer_id TEXT NOT NULL REFERENCES customers (id),
  street TEXT NOT NULL,
  postcode TEXT NOT NULL,
  city TEXT NOT NULL,
  country TEXT NOT NULL,
  since TEXT NOT NULL,
  idempotency_key TEXT UNIQUE
) STRICT;
CREATE INDEX addresses_by_customer ON addresses (customer_id, id);

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  customer_id TEXT NOT NULL REFERENCES customers (id),
  placed_on TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('processing', 'shipped', 'delivered', 'returned', 'lost')),
  shipping_cents INTEGER NOT NULL CHECK (shipping_cents >= 0),
  address_id INTEGER NOT NULL REFERENCES addresses (id),
  -- Free text from the checkout form: anybody can write anything here.
  note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX orders_by_customer ON orders (customer_id);

CREATE TABLE order_items (
  order_id TEXT NOT NULL REFERENCES orders (id),
  line INTEGER NOT NULL,
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  unit_cents INTEGER NOT NULL CHECK (unit_cents >= 0),
  PRIMARY KEY (order_id, line)
) STRICT;

CREATE TABLE shipments (
  tracking_no TEXT PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE REFERENCES orders (id),
  carrier TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('announced', 'in_transit', 'delivered', 'returned', 'lost')),
  promised_on TEXT NOT NULL,
  delivered_on TEXT
) STRICT;

CREATE TABLE tracking_events (
  tracking_no TEXT NOT NULL REFERENCES shipments (tracking_no),
  on_day TEXT NOT NULL,
  place TEXT NOT NULL,
  what TEXT NOT NULL
) STRICT;
CREATE INDEX tracking_events_by_shipment ON tracking_events (tracking_no);

CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  cents INTEGER NOT NULL CHECK (cents > 0),
  method TEXT NOT NULL,
  captured_on TEXT NOT NULL
) STRICT;
CREATE INDEX payments_by_order ON payments (order_id);

CREATE TABLE refunds (
  id INTEGER PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  cents INTEGER NOT NULL CHECK (cents > 0),
  reason TEXT NOT NULL,
  refunded_on TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX refunds_by_order ON refunds (order_id);

-- The till's last word: whatever the code above it does, no more goes back than came in.
CREATE TRIGGER never_refund_more_than_was_paid BEFORE INSERT ON refunds
WHEN NEW.cents > (SELECT COALESCE(SUM(cents), 0) FROM payments WHERE order_id = NEW.order_id)
               - (SELECT COALESCE(SUM(cents), 0) FROM refunds WHERE order_id = NEW.order_id)
BEGIN
  SELECT RAISE(ABORT, 'more than what is left of the payment');
END;

-- E-mails handed to the shop's mail server, which sends each row once.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  queued_at TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE
) STRICT;

-- One row for every dispatch of a tool with an effect, in the transaction of the effect itself.
-- `applied` is 0 when the shop found that this key's effect had already happened.
CREATE TABLE effects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  idempotency_key TEXT NOT NULL,
  call_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  effect TEXT NOT NULL CHECK (effect IN ('idempotent', 'irreversible')),
  arguments TEXT NOT NULL,
  applied INTEGER NOT NULL CHECK (applied IN (0, 1)),
  at TEXT NOT NULL,
  pid INTEGER NOT NULL
) STRICT;

CREATE VIRTUAL TABLE policies USING fts5 (document, section, body, tokenize = 'porter unicode61');
