"""What one span per statement adds to SQLAlchemy 2.1 over SQLite, by each peer's own instrumentation.

CPU time of the whole process per statement at a steady 500 statements a second, background work included; what the
statement costs without any is taken off. Traceo's hook of sqlite3 is in place beneath, as it ships, and silent.
"""

import time

TITLE = "SQLAlchemy: added to a statement by one span (CPU µs)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "bare"]
ROUNDS = 3
FIGURE = "us_per_statement"
COLUMNS = {"us_per_statement": "µs a statement", "delivered": "spans delivered", "made": "statements"}

RATE, SECONDS, TICK_S = 500, 6, 0.02


def measure(peer, endpoint):
    peer.start(endpoint)
    peer.sqlalchemy()
    import sqlalchemy

    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
    statement = sqlalchemy.text("SELECT id, mail FROM orders WHERE id = :id AND state <> 'gone'")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, mail TEXT, state TEXT)")
        for i in range(100):
            values = {"id": i, "mail": f"user{i}@example.com"}
            connection.execute(sqlalchemy.text("INSERT INTO orders VALUES (:id, :mail, 'new')"), values)

    with engine.connect() as connection:
        time.sleep(1.5)
        made, per_tick = 0, int(RATE * TICK_S)
        before = time.process_time()
        due = time.monotonic()
        for _ in range(int(SECONDS / TICK_S)):
            for _ in range(per_tick):
                connection.execute(statement, {"id": made % 100}).all()
                made += 1
            due += TICK_S
            if (pause := due - time.monotonic()) > 0:
                time.sleep(pause)
    peer.stop()
    return {"cpu_s": time.process_time() - before, "made": made}


def finish(table):
    bare = table.get("bare", {})
    base = bare.get("cpu_s", 0.0) / bare["made"] * 1e6 if bare else 0.0
    for peer, row in table.items():
        row["us_per_statement"] = row["cpu_s"] / row["made"] * 1e6 - (base if peer != "bare" else 0.0)
