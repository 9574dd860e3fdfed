"""The span every peer makes: eight attributes of a web request, one of them new each time."""

USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


def attributes(i: int) -> list[tuple[str, str | int]]:
    """Eight (key, value) pairs; the path differs for every `i`."""
    return [
        ("http.request.method", "GET"),
        ("url.scheme", "https"),
        ("url.path", f"/api/orders/{i}"),
        ("http.route", "/api/orders/{order_id}"),
        ("server.address", "shop.internal"),
        ("server.port", 8443),
        ("http.response.status_code", 200),
        ("user_agent.original", USER_AGENT),
    ]
