import { expect, test } from "vitest";
import { countRules, keyRulesAt, ownRedactions, rulesAt, splitMarkers } from "../src/marker";

const text = (value: string) => ({ kind: "text", text: value });
const marker = (value: string, type: string, rule: string) => ({ kind: "marker", text: value, type, rule });

test("a marker in a redacted value becomes a piece of its own", () => {
  expect(splitMarkers("to [EMAIL], cc [EMAIL]", ["EMAIL"])).toEqual([
    text("to "),
    marker("[EMAIL]", "EMAIL", "EMAIL"),
    text(", cc "),
    marker("[EMAIL]", "EMAIL", "EMAIL"),
  ]);
});

test("the same text is only text where nothing was redacted", () => {
  expect(splitMarkers("to [EMAIL]", [])).toEqual([text("to [EMAIL]")]);
});

test("a pseudonym keeps its name but shows its type", () => {
  expect(splitMarkers("[EMAIL:pn_x7Q-]", ["EMAIL"])).toEqual([marker("[EMAIL:pn_x7Q-]", "EMAIL", "EMAIL")]);
});

test("a marker of a key rule names that rule, beside one of its own name", () => {
  expect(splitMarkers("[PASSWORD] [EMAIL]", ["EMAIL", "key:password"])).toEqual([
    marker("[PASSWORD]", "PASSWORD", "key:password"),
    text(" "),
    marker("[EMAIL]", "EMAIL", "EMAIL"),
  ]);
});

test("when several rules could have made a marker all of them are named", () => {
  expect(splitMarkers("[REDACTED]", ["key:token", "key:pin", "key:token"])).toEqual([
    marker("[REDACTED]", "REDACTED", "key:token, key:pin"),
  ]);
});

test("a value changed without a marker ends in a piece for its rule", () => {
  expect(splitMarkers("10.1.2.0", ["IP"])).toEqual([text("10.1.2.0"), marker("", "IP", "IP")]);
  expect(splitMarkers("", ["key:birth_date"])).toEqual([marker("", "BIRTH_DATE", "key:birth_date")]);
  expect(splitMarkers("a = ?", ["sql_literal", "sql_literal"])).toEqual([
    text("a = ?"),
    marker("", "SQL_LITERAL", "sql_literal"),
  ]);
});

test("a marker is not blamed on a rule that leaves none, or on a failure it did not come from", () => {
  expect(splitMarkers("[PASSWORD][DROPPED]", ["sql_literal", "key:pin", "error:IBAN"])).toEqual([
    marker("[PASSWORD]", "PASSWORD", "key:pin"),
    marker("[DROPPED]", "DROPPED", "error:IBAN"),
  ]);
});

test("a changed key is told apart from a changed value", () => {
  const redacted = [
    { path: "attributes.[EMAIL]", rule: "KEY" },
    { path: "attributes.note", rule: "IP" },
  ];
  expect([rulesAt(redacted, "attributes.[EMAIL]"), keyRulesAt(redacted, "attributes.[EMAIL]")]).toEqual([
    [],
    ["KEY"],
  ]);
  expect(keyRulesAt(redacted, "attributes.note")).toEqual([]);
});

test("what a span inherits from resource and scope is not its own", () => {
  const own = { path: "resource_name", rule: "IP" };
  expect(
    ownRedactions([{ path: "resource.host.ip", rule: "IP" }, own, { path: "scope.name", rule: "IP" }]),
  ).toEqual([own]);
});

test("lower-case brackets, lists and empty values are no markers", () => {
  expect(splitMarkers("[email] [1, 2] [] [EMAIL]", ["EMAIL"])).toEqual([
    text("[email] [1, 2] [] "),
    marker("[EMAIL]", "EMAIL", "EMAIL"),
  ]);
  expect(splitMarkers("", [])).toEqual([]);
});

test("no piece is lost or doubled", () => {
  const value = "a[EMAIL][IP]b [X] c[";
  expect(
    splitMarkers(value, ["EMAIL", "IP"])
      .map((piece) => piece.text)
      .join(""),
  ).toBe(value);
});

test("rules belong to the exact path of a value", () => {
  const redacted = [
    { path: "attributes.url.full", rule: "EMAIL" },
    { path: "attributes.url.full", rule: "PHONE" },
    { path: "attributes.url", rule: "IP" },
  ];
  expect(rulesAt(redacted, "attributes.url.full")).toEqual(["EMAIL", "PHONE"]);
  expect(rulesAt(redacted, "attributes.url.path")).toEqual([]);
});

test("rules are counted, the most frequent first", () => {
  const of = (...rules: string[]) => rules.map((rule) => ({ path: "body", rule }));
  expect(countRules(of("IP", "EMAIL", "key:name", "EMAIL"))).toEqual([
    ["EMAIL", 2],
    ["IP", 1],
    ["key:name", 1],
  ]);
});
