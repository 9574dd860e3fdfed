"""What one span per statement adds to SQLAlchemy 2.1 over SQLite, by each peer's own instrumentation.

CPU time of the whole process per statement at a steady 500 statements a second, background work included; what the
statement costs without any is taken off. Traceo's hook of sqlite3 is in place beneath, as it ships, and silent.
"""

import time

from harness import paced

TITLE = "SQLAlchemy: added to a statement by one span (CPU µs)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "bare"]
ROUNDS = 3
FIGURE = "us_per_statement"
COLUMNS = {"us_per_statement": "µs a statement", "delivered": "spans delivered", "made": "statements"}


def measure(peer, endpoint):
    peer.start(endpoint)
    peer.sqlalchemy()
    import sqlalchemy

    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
    statement = sqlalchemy.text("SELECT id, mail FROM orders WHERE id = :id AND state <> :state")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, mail TEXT, state TEXT)")
        for i in range(100):
            values = {"id": i, "mail": f"user{i}@example.com", "state": "new"}
            connection.execute(sqlalchemy.text("INSERT INTO orders VALUES (:id, :mail, :state)"), values)

    with engine.connect() as connection:

        def select(number):
            connection.execute(statement, {"id": number % 100, "state": "gone"}).all()

        time.sleep(1.5)  # first delivery: imports and key look-up are start-up cost, measured elsewhere
        return paced.cpu_s(select, peer.stop, rate=500, seconds=6, tick_s=0.02)


def finish(table):
    paced.take_off_bare(table, FIGURE)
