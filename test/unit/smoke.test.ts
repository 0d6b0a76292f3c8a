import { expect, test } from "vitest";
import * as parser from "@portage/parser";
test("x", () => { expect(parser).toBeDefined(); });
