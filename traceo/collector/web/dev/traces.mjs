/** Made-up traces of a shop and its payments, the same on every run. */

function makeRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const MS = 1_000_000;

class Builder {
  constructor(random, startMs) {
    this.random = random;
    this.start = BigInt(Math.floor(startMs)) * 1_000_000n + BigInt(Math.floor(random() * MS));
    this.trace_id = this.hex(32);
    this.spans = [];
    this.logs = [];
  }
  hex(length) {
    return Array.from({ length }, () => Math.floor(this.random() * 16).toString(16)).join("");
  }
  span(parent, service, kind, name, at, ms, attributes, more = {}) {
    const span = {
      span_id: this.hex(16),
      parent_span_id: parent ? parent.span_id : null,
      name,
      service,
      kind,
      start_unix_nano: String(this.start + BigInt(Math.floor(at * MS))),
      duration_ns: Math.floor(ms * MS),
      status: { code: "unset", message: "" },
      scope: {
        name: `traceo.instrumentation.${kind === "server" ? "asgi" : "sqlalchemy"}`,
        version: "0.1.0",
      },
      resource: {
        "service.name": service,
        "service.instance.id": "5b1c0b0e-7a39-4c6e-9d86-0a3c1c0f7f11",
        "host.name": "shop-1",
        "process.pid": 4120,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "traceo",
      },
      attributes,
      events: [],
      links: [],
      redacted: [],
      ...more,
    };
    this.spans.push(span);
    return span;
  }
  log(span, at, severity, body, redacted = [], attributes = {}) {
    const number = { DEBUG: 5, INFO: 9, WARNING: 13, ERROR: 17 }[severity];
    this.logs.push({
      time_unix_nano: String(this.start + BigInt(Math.floor(at * MS))),
      severity_number: number,
      severity_text: severity,
      body,
      attributes: { "code.file.path": `/srv/${span.service}/app.py`, "code.line.number": 88, ...attributes },
      span_id: span.span_id,
      service: span.service,
      redacted,
    });
  }
  done() {
    const ends = this.spans.map(
      (span) => Number(BigInt(span.start_unix_nano) - this.start) + span.duration_ns,
    );
    return {
      trace_id: this.trace_id,
      start_unix_nano: String(this.start),
      duration_ns: Math.max(...ends),
      spans: this.spans,
      logs: this.logs,
    };
  }
}

const rule = (path, name) => ({ path, rule: name });

const STACK = `Traceback (most recent call last):
  File "/srv/payments/app.py", line 61, in charge
    receipt = gateway.charge(card, amount)
  File "/srv/payments/gateway.py", line 34, in charge
    raise CardDeclined(f"card {card} of {email} was declined")
payments.gateway.CardDeclined: card [CREDIT_CARD] of [EMAIL] was declined
`;

function checkout(random, startMs, fails) {
  const b = new Builder(random, startMs);
  const slow = 0.7 + random() * 1.6 + (fails ? 0.6 : 0);
  const t = (ms) => ms * slow;
  const root = b.span(null, "shop", "server", "POST /checkout/{cart_id}", 0, t(182), {
    "http.request.method": "POST",
    "http.route": "/checkout/{cart_id}",
    "http.response.status_code": fails ? 402 : 200,
    "http.request.header.authorization": "[CREDENTIALS]",
    "http.request.header.cookie": "[COOKIE]",
    "url.full": "http://shop.test/checkout/c-1842?email=[EMAIL]&phone=[PHONE]&utm=newsletter",
    "url.path": "/checkout/c-1842",
    "url.query": "email=[EMAIL]&phone=[PHONE]&utm=newsletter",
    "url.scheme": "http",
    "client.address": "[IP]",
    "server.address": "shop.test",
    "server.port": 8000,
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "app.cart": { items: 3, total: "129.90 EUR", buyer: { email: "[EMAIL]", name: "[NAME]" } },
    "app.note": "The text [EMAIL] in a note the application wrote itself",
  });
  root.redacted = [
    rule("attributes.http.request.header.authorization", "key:authorization"),
    rule("attributes.http.request.header.cookie", "key:cookie"),
    rule("attributes.url.full", "EMAIL"),
    rule("attributes.url.full", "PHONE"),
    rule("attributes.url.query", "EMAIL"),
    rule("attributes.url.query", "PHONE"),
    rule("attributes.client.address", "IP"),
    rule("attributes.app.cart.buyer.email", "EMAIL"),
    rule("attributes.app.cart.buyer.name", "key:name"),
  ];
  const sql = (parent, service, at, ms, name, text, redacted = []) =>
    b.span(
      parent,
      service,
      "client",
      name,
      at,
      ms,
      {
        "db.system.name": "sqlite",
        "db.namespace": `${service}.db`,
        "db.query.text": text,
        "db.operation.name": name.split(" ")[0],
      },
      { redacted },
    );
  b.log(root, t(1.2), "INFO", "checkout of cart c-1842 for [EMAIL] started", [rule("body", "EMAIL")]);
  const session = b.span(root, "shop", "internal", "load session", t(2), t(14), { "session.kind": "cookie" });
  sql(session, "shop", t(3), t(4.1), "SELECT sessions", "SELECT * FROM sessions WHERE token = '[REDACTED]'", [
    rule("attributes.db.query.text", "key:token"),
  ]);
  sql(session, "shop", t(8), t(6.3), "SELECT users", "SELECT * FROM users WHERE email = '[EMAIL]'", [
    rule("attributes.db.query.text", "EMAIL"),
  ]);
  const cart = b.span(root, "shop", "internal", "price cart", t(18), t(31), { "cart.items": 3 });
  for (let item = 0; item < 3; item++) {
    sql(
      cart,
      "shop",
      t(19 + item * 9),
      t(5 + random() * 3),
      "SELECT products",
      "SELECT id, price FROM products WHERE id = ?",
    );
  }
  const call = b.span(root, "shop", "client", "POST", t(54), t(108), {
    "http.request.method": "POST",
    "http.response.status_code": fails ? 402 : 201,
    "url.full": "http://payments.test/charges",
    "server.address": "payments.test",
    "server.port": 8001,
  });
  const charge = b.span(call, "payments", "server", "POST /charges", t(57), t(101), {
    "http.request.method": "POST",
    "http.route": "/charges",
    "http.response.status_code": fails ? 402 : 201,
    "http.request.body":
      '{"card": "[CREDIT_CARD]", "iban": "[IBAN]", "amount": 12990, "password": "[PASSWORD]"}',
    "url.path": "/charges",
  });
  charge.redacted = [
    rule("attributes.http.request.body", "CREDIT_CARD"),
    rule("attributes.http.request.body", "IBAN"),
    rule("attributes.http.request.body", "key:password"),
  ];
  b.log(charge, t(59), "INFO", "charging card [CREDIT_CARD] for [NAME]", [
    rule("body", "CREDIT_CARD"),
    rule("body", "key:name"),
  ]);
  sql(charge, "payments", t(60), t(5.2), "SELECT accounts", "SELECT * FROM accounts WHERE iban = '[IBAN]'", [
    rule("attributes.db.query.text", "IBAN"),
  ]);
  const risk = b.span(charge, "payments", "internal", "score risk", t(67), t(22), { "risk.score": 0.31 });
  sql(
    risk,
    "payments",
    t(68),
    t(9),
    "SELECT charges",
    "SELECT count(*) FROM charges WHERE account_id = ? AND day > ?",
  );
  b.log(risk, t(80), "WARNING", "velocity rule near its limit: 4 of 5 charges today", [], {
    "risk.rule": "velocity",
  });
  const gateway = b.span(charge, "payments", "client", "gateway.charge", t(92), t(52), {
    "server.address": "gateway.test",
    "gateway.attempt": 1,
  });
  if (fails) {
    for (const [span, message] of [
      [gateway, "card [CREDIT_CARD] of [EMAIL] was declined"],
      [charge, "CardDeclined"],
      [call, "402 Payment Required"],
    ]) {
      span.status = { code: "error", message };
    }
    gateway.events.push({
      name: "exception",
      time_unix_nano: String(BigInt(gateway.start_unix_nano) + BigInt(Math.floor(t(50) * MS))),
      attributes: {
        "exception.type": "payments.gateway.CardDeclined",
        "exception.message": "card [CREDIT_CARD] of [EMAIL] was declined",
        "exception.stacktrace": STACK,
        "exception.escaped": true,
      },
    });
    gateway.redacted = [
      rule("status_message", "CREDIT_CARD"),
      rule("status_message", "EMAIL"),
      rule("events.0.attributes.exception.message", "CREDIT_CARD"),
      rule("events.0.attributes.exception.message", "EMAIL"),
      rule("events.0.attributes.exception.stacktrace", "CREDIT_CARD"),
      rule("events.0.attributes.exception.stacktrace", "EMAIL"),
    ];
    b.log(gateway, t(143), "ERROR", "gateway declined the card of [EMAIL]", [rule("body", "EMAIL")]);
  } else {
    sql(
      charge,
      "payments",
      t(146),
      t(8),
      "INSERT charges",
      "INSERT INTO charges (account_id, amount, card) VALUES (?, ?, '[CREDIT_CARD]')",
      [rule("attributes.db.query.text", "CREDIT_CARD")],
    );
    sql(root, "shop", t(165), t(9), "INSERT orders", "INSERT INTO orders (cart, total) VALUES (?, ?)");
  }
  b.log(
    root,
    t(178),
    fails ? "ERROR" : "INFO",
    fails ? "checkout failed: payment was declined" : "order 90211 confirmed",
  );
  return b.done();
}

const SIMPLE = [
  ["GET /products", 3, 9],
  ["GET /products/{product_id}", 2, 6],
  ["POST /cart/{cart_id}/items", 4, 24],
  ["GET /search", 6, 60],
  ["POST /login", 5, 95],
  ["GET /account", 3, 16],
];

function simple(random, startMs) {
  const b = new Builder(random, startMs);
  const [name, count, base] = SIMPLE[Math.floor(random() * SIMPLE.length)];
  const fails = random() < 0.06;
  const ms = base * (0.6 + random() ** 3 * 6);
  const root = b.span(null, "shop", "server", name, 0, ms, {
    "http.request.method": name.split(" ")[0],
    "http.route": name.split(" ")[1],
    "http.response.status_code": fails ? 500 : 200,
    "client.address": "[IP]",
  });
  root.redacted = [rule("attributes.client.address", "IP")];
  if (fails) root.status = { code: "error", message: "OperationalError: database is locked" };
  for (let index = 1; index < count; index++) {
    b.span(root, "shop", "client", "SELECT products", (ms * index) / count, (ms / count) * 0.7, {
      "db.system.name": "sqlite",
      "db.query.text": "SELECT * FROM products WHERE id = ?",
    });
  }
  b.log(root, ms * 0.9, fails ? "ERROR" : "INFO", `${name.split(" ")[1]} answered ${fails ? 500 : 200}`);
  return b.done();
}

/** A trace of one long loop, to see that a large one stays quick. */
function large(random, startMs, size) {
  const b = new Builder(random, startMs);
  const root = b.span(null, "reports", "internal", "nightly report", 0, size * 2, {});
  let parent = root;
  for (let index = 1; index < size; index++) {
    const span = b.span(parent, index % 7 ? "reports" : "shop", "client", `step ${index}`, index * 1.9, 1.7, {
      index,
    });
    parent = index % 40 === 0 ? root : index % 5 === 0 ? span : parent;
  }
  return b.done();
}

/** Newest first. */
export function makeTraces(count, nowMs) {
  const random = makeRandom(20261124);
  const traces = [];
  let at = nowMs - 9000;
  for (let index = 0; index < count; index++) {
    const kind = index % 9;
    if (index === 70) traces.push(large(random, at, 4000));
    else if (kind === 1 || kind === 5) traces.push(checkout(random, at, index % 2 === 1 && kind === 1));
    else traces.push(simple(random, at));
    at -= 1500 + random() * 16000;
  }
  return traces;
}
