import pytest

from traceo.collector.static import Pages


@pytest.fixture
def built(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>page</title>")
    (tmp_path / "assets" / "app-1a2b.js").write_text("code")
    return tmp_path


async def ask(pages, path, method="GET", **headers):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.replace("_", "-").encode(), value) for name, value in headers.items()],
    }
    await pages(scope, None, send)
    head, body = sent
    return head["status"], dict(head["headers"]), body["body"]


async def test_the_index_is_checked_each_time_and_assets_never_again(built):
    pages = Pages(built)
    status, headers, body = await ask(pages, "/")
    assert (status, body, headers[b"cache-control"]) == (200, b"<title>page</title>", b"no-cache")
    assert headers[b"content-security-policy"].startswith(b"default-src 'self'")
    status, headers, body = await ask(pages, "/assets/app-1a2b.js")
    assert (status, body) == (200, b"code")
    assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert headers[b"content-type"] == b"text/javascript; charset=utf-8"


async def test_an_etag_that_is_still_right_gets_304(built):
    pages = Pages(built)
    _, headers, _ = await ask(pages, "/")
    status, _, body = await ask(pages, "/", if_none_match=headers[b"etag"])
    assert (status, body) == (304, b"")
    assert (await ask(pages, "/", if_none_match=b'"other"'))[0] == 200


async def test_a_route_of_the_page_gets_the_index_and_a_missing_file_404(built):
    pages = Pages(built)
    assert (await ask(pages, "/trace/0af7651916cd43dd8448eb211c80319c"))[2] == b"<title>page</title>"
    assert (await ask(pages, "/assets/app-old.js"))[0] == 404


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/assets/../../x.py", "/%2e%2e/x.py", "//etc/passwd.txt"]
)
async def test_nothing_outside_the_folder_can_be_asked_for(built, path):
    assert (await ask(Pages(built), path))[0] == 404


async def test_only_get_and_head(built):
    status, headers, _ = await ask(Pages(built), "/", "POST")
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD")


async def test_without_built_files_a_plain_page_says_what_to_do(tmp_path):
    status, headers, body = await ask(Pages(tmp_path / "missing"), "/")
    assert (status, headers[b"content-type"]) == (200, b"text/html; charset=utf-8")
    assert b"npm run build" in body


def test_the_running_collector_serves_its_page(collector):
    for path in ("/", "/trace/abc"):
        answer = collector.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert collector.request("HEAD", "/").body == b""
    assert collector.get("/healthz").body == b"ok\n"
    assert collector.get("/readyz").body == b"ok\n"


@pytest.mark.parametrize("path", ["/", "/api/traceo/traces", "/metrics"])
def test_a_name_that_is_not_this_machine_is_refused_on_loopback(collector, path):
    answer = collector.request("GET", path, host="evil.example:80")
    assert (answer.status, answer.json["type"]) == (421, "urn:traceo:problem:host")
    for host in ("localhost:1", "127.0.0.1", "[::1]:4318", "shop.localhost"):
        assert collector.request("GET", path, host=host).status == 200
