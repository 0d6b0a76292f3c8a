import { expect, it } from "vitest";
import {
  filterOf,
  hasWord,
  membersOf,
  paramsOf,
  toggleWord,
} from "../../../packages/server/dashboard-page/src/filter.ts";
import { parseRoute, routeTo } from "../../../packages/server/dashboard-page/src/route.ts";

it.each([
  ["", "overview", ""],
  ["#/", "overview", ""],
  ["#/nowhere", "overview", ""],
  ["#/__proto__", "overview", ""],
  ["#/connections?transport=polling", "connections", ""],
  ["#/connection/a%2Fb", "connection", "a/b"],
  ["#/connection/%zz", "connection", "%zz"],
])("%s leads to the view %s", (hash, view, subject) => {
  expect(parseRoute(hash)).toMatchObject({ view, subject });
});

it("an address brings back its view and parameters", () => {
  const address = routeTo("rooms", { nsp: "/a&b", room: "a room", other: "" });
  expect(address).toBe("#/rooms?nsp=%2Fa%26b&room=a+room");
  expect(parseRoute(address)).toEqual({ view: "rooms", subject: "", params: { nsp: "/a&b", room: "a room" } });
  expect(routeTo("connection", {}, "h/1")).toBe("#/connection/h%2F1");
});

it.each([
  ["transport:polling", { transport: "polling" }],
  ["age>60 slow:yes", { age: ">60", slow: "yes" }],
  ["room:a:b", { room: "a:b" }],
  ["order:age", { q: "order:age" }],
  ["room:a room:b some words", { room: "a", q: "room:b some words" }],
])("the filter %s is kept in an address", (filter, params) => {
  expect(paramsOf(filter)).toEqual(params);
  expect(filterOf({ ...params, order: "age", desc: "0", node: "n" })).toBe(filter);
});

it("asks for the members of a room as URLs are written", () => {
  expect(membersOf("/", "a room of 100%")).toBe("nsp:/ room:a%20room%20of%20100%25");
});

it("a common word is added, replaces another of its kind, and is removed", () => {
  const polling = toggleWord("visitor", "transport:polling");
  expect(polling).toBe("visitor transport:polling");
  expect(hasWord(polling, "transport:polling")).toBe(true);
  const websocket = toggleWord(polling, "transport:websocket");
  expect(websocket).toBe("visitor transport:websocket");
  expect(toggleWord(websocket, "transport:websocket")).toBe("visitor");
});
