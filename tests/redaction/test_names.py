"""A bare ``name`` is a person's where the object around it is about a person, and only there."""

import json

import pytest

ROW = {"name": "Upma Tara", "email": "u@example.com"}
PERSONS = [
    json.dumps(ROW),
    json.dumps({"body": json.dumps(ROW)}),
    json.dumps(json.dumps({"body": json.dumps(ROW)})),
    '{"shipping": {"name": "Upma Tara", "city": "Pune"}}',
    '{"customers": [{"name": "Upma Tara"}, {"name": "Upma B"}]}',
    "debit {'holder': 'x', 'name': 'Upma Tara'}",
    'registering customer {"name":"Upma Tara","n":1}',
    "Customer(name='Upma Tara', id=3)",
    "CustomerCreate(name='Upma Tara', id=3)",
    "Customer{name='Upma Tara', id=1}",
    'Customer { name: "Upma Tara", id: 1 }',
    "{Name:Upma Tara Email:a@b.example}",
    '#<User id: 1, name: "Upma Tara", email: "x">',
    "Array\n(\n [name] => Upma Tara\n [email] => a@b.example\n)",
    "<customer><name>Upma Tara</name></customer>",
    "<x><name>Upma Tara</name><email>a@b.example</email></x>",
    "name=Upma%20Tara&email=a%40b.example",
    "customer[name]=Upma+Tara&customer[zip]=94",
    "https://h.example/identity?country=US&name=Upma%20Tara",
    "name=Upma Tara email=a@b.example",
    "name = Upma Tara, iban = DE02120300000000202051",
    "Name: Upma Tara\nEmail: a@b.example",
    "customer.name=Upma",
    "buyer.name=Upma",
    "buyerName: Upma Tara",
    "user.full_name: Upma Tara",
    '{"nombre": "Upma Tara", "telefono": "1234"}',
    '{"level":"info","msg":"x","name":"Upma Tara","email":"a@b.example"}',
    '{"email":"a@b.example","password":"x{y","name":"Upma Tara"}',
]
THINGS = [
    '{"product": {"name": "Blue Lamp", "price": 5}}',
    '{"country": "US", "name": "x"}',
    '{"name": "uvicorn.access", "level": "INFO", "msg": "x"}',
    '{"name": "web-1", "host": "10.0.0.1", "address": "10.0.0.1:80"}',
    '{"name": "left-pad", "version": "1.3.0", "author": "x"}',
    '{"customer_id": 3, "items": [{"name": "Blue Lamp", "qty": 2}], "total": 3}',
    '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-1", "namespace": "prod"}}',
    '{"user_agent": {"name": "Chrome", "version": "1"}}',
    "{'name': 'orders', 'type': 'table'}",
    "service.name=shop thread.name=main host_name=a",
    "file name: report.pdf metric name=http_requests_total unit=1",
    "container name=web image=nginx:1.2",
    "def f(name: str, email: str)",
    "User(name=name, email=self.email)",
    "NameError: name 'foo' is not defined",
    "level=info name=worker.a msg=y",
]


@pytest.mark.parametrize("text", PERSONS)
def test_a_name_in_an_object_about_a_person_is_masked(engine, text):
    clean = engine.text(text, "message", [])
    assert "[NAME]" in clean or "[REDACTED]" in clean
    assert "Upma" not in clean
    assert "Tara" not in clean
    assert engine.text(clean, "message", []) is clean


@pytest.mark.parametrize("text", THINGS)
def test_the_name_of_a_thing_stays(engine, text):
    assert engine.text(text, "message", []) is text


@pytest.mark.parametrize(
    ("attributes", "clean"),
    [
        ({"name": "Upma", "plan": "pro", "user.age": 3, "phone": "1"}, {"name", "phone"}),
        ({"name": "Upma", "user.email": "x"}, {"name", "user.email"}),
        ({"thing.name": "Upma", "thing.phone": "2"}, {"thing.name", "thing.phone"}),
        ({"customer.name": "Upma", "user.full_name": "Upma"}, {"customer.name", "user.full_name"}),
        ({"thing.name": "Blue Lamp", "other.phone": "2"}, {"other.phone"}),
        (
            {"service.name": "a", "host.name": "b", "thread.name": "c", "file.name": "d", "phone": "2"},
            {"phone"},
        ),
        ({"name": "Redis", "address": "10.0.0.1:80"}, set()),
        ({"address": "12 Main Street"}, {"address"}),
    ],
)
def test_attributes_are_judged_by_those_beside_them(engine, attributes, clean):
    for _ in range(2):  # also once it is known
        result = engine.attributes(attributes, "", [])
        assert {key for key in attributes if result[key] != attributes[key]} == clean


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"name": "Upma", "phone": "1"}, {"name": "[NAME]", "phone": "[PHONE]"}),
        ({"name": "Lamp", "price": 1}, {"name": "Lamp", "price": 1}),
        ({"customers": [{"name": "Upma"}]}, {"customers": [{"name": "[NAME]"}]}),
        ({"user_profile": {"name": "Upma"}}, {"user_profile": {"name": "[NAME]"}}),
        ({"name": "Upma", "address": {"city": "x"}}, {"name": "[NAME]", "address": "[ADDRESS]"}),
        ({"payment": {"holder": "Upma"}}, {"payment": {"holder": "[NAME]"}}),
        ({"server": {"address": "10.0.0.1"}}, {"server": {"address": "10.0.0.1"}}),
        ({"product": {"name": "Lamp"}, "email": "x"}, {"product": {"name": "Lamp"}, "email": "[EMAIL]"}),
    ],
)
def test_nested_maps_are_judged_one_by_one(engine, value, expected):
    assert engine.attributes({"body": value}, "", []) == {"body": expected}


def test_the_attribute_key_says_whom_a_text_is_about(engine):
    assert engine.text('{"name": "Upma"}', "order.customer", []) == '{"name": "[NAME]"}'
    assert engine.text('{"name": "Upma"}', "order.product", []) == '{"name": "Upma"}'
