/** Tools as AgentCore Gateway takes them: case by case, and for schemas of any form. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TYPES, gatewaySchema, gatewayTools, type GatewaySchema } from "../gateway/tool-schema";
import { Mistake } from "../mistake";

/** The property `x` of an object with that one, as the gateway gets it. */
function property(x: unknown, more: object = {}): GatewaySchema | undefined {
  return gatewaySchema({ type: "object", properties: { x }, ...more }).properties?.["x"];
}

const CASES: readonly (readonly [title: string, schema: unknown, expected: GatewaySchema | undefined])[] = [
  ["a type", { type: "integer" }, { type: "integer" }],
  ["a description", { type: "string", description: "A name" }, { type: "string", description: "A name." }],
  ["a title for want of one", { type: "string", title: "Name" }, { type: "string", description: "Name." }],
  ["default null", { type: "string", default: null }, { type: "string" }],
  ["a default", { type: "string", default: "dev" }, { type: "string", description: 'Default: "dev".' }],
  [
    "an enum",
    { type: "string", description: "Where.", enum: ["dev", "prod"] },
    { type: "string", description: "Where. One of: dev, prod." },
  ],
  ["an enum without a type", { enum: [1, 2] }, { type: "integer", description: "One of: 1, 2." }],
  ["const", { const: true }, { type: "boolean", description: "Always: true." }],
  [
    "limits",
    { type: "number", minimum: 0, maximum: 9.5 },
    { type: "number", description: "At least: 0. At most: 9.5." },
  ],
  [
    "format and pattern",
    { type: "string", format: "date", pattern: "^2" },
    { type: "string", description: "Format: date. Pattern: ^2." },
  ],
  ["empty items", { type: "array", items: {} }, { type: "array" }],
  ["items that can be anything", { type: "array", items: true }, { type: "array" }],
  ["items", { type: "array", items: { type: "string" } }, { type: "array", items: { type: "string" } }],
  ["items by place", { type: "array", items: [{ type: "string" }] }, { type: "array" }],
  ["anyOf with null", { anyOf: [{ type: "null" }, { type: "integer" }], default: null }, { type: "integer" }],
  [
    "oneOf",
    { oneOf: [{ type: "array", items: { type: "string" } }, { type: "string" }] },
    { type: "array", items: { type: "string" } },
  ],
  ["a list of types", { type: ["null", "boolean"] }, { type: "boolean" }],
  ["allOf", { allOf: [{ type: "string" }, { description: "A key" }] }, { type: "string", description: "A key." }],
  ["nothing but null", { type: "null" }, undefined],
  ["null by choice", { anyOf: [{ type: "null" }] }, undefined],
  ["false", false, undefined],
  ["true", true, { type: "string", description: "Any JSON value, as text." }],
  ["anything", { description: "A value" }, { type: "string", description: "A value. Any JSON value, as text." }],
  [
    "a type that JSON Schema does not know",
    { type: "date" },
    { type: "string", description: "Any JSON value, as text." },
  ],
  ["additionalProperties", { type: "object", additionalProperties: { type: "string" } }, { type: "object" }],
  [
    "properties without a type",
    { properties: { y: { type: "string" } } },
    { type: "object", properties: { y: { type: "string" } } },
  ],
  ["a reference that leads nowhere", { $ref: "#/$defs/gone", type: "string" }, { type: "string" }],
  [
    "a reference to elsewhere",
    { $ref: "https://example.com/schema" },
    { type: "string", description: "Any JSON value, as text." },
  ],
];

for (const [title, schema, expected] of CASES) {
  test(title, () => {
    assert.deepEqual(property(schema), expected);
  });
}

test("a reference is followed, also through an escaped name, and what stands beside it wins", () => {
  const more = { $defs: { "a/b": { type: "string", description: "Theirs" } } };
  assert.deepEqual(property({ $ref: "#/$defs/a~1b", description: "Ours" }, more), {
    type: "string",
    description: "Ours.",
  });
});

test("a reference into itself is cut, and two to the same are not", () => {
  const tree = { type: "object", properties: { name: { type: "string" }, child: { $ref: "#/$defs/tree" } } };
  const cut = property({ $ref: "#/$defs/tree" }, { $defs: { tree } });
  assert.deepEqual(cut?.properties?.["child"], { type: "object", description: "Nested further in the same way." });
  const name = { type: "string" };
  const both = gatewaySchema({
    type: "object",
    properties: { a: { $ref: "#/$defs/name" }, b: { $ref: "#/$defs/name" } },
    $defs: { name },
  });
  assert.deepEqual(both.properties, { a: name, b: name });
});

test("references that lead into each other over and over end", () => {
  const doubled = Object.fromEntries(
    Array.from({ length: 60 }, (_, n) => [
      `d${n}`,
      { type: "object", properties: Object.fromEntries(["a", "b"].map((key) => [key, { $ref: `#/$defs/d${n + 1}` }])) },
    ]),
  );
  const started = Date.now();
  assert.deepEqual(wrong(gatewaySchema({ $ref: "#/$defs/d0", $defs: doubled })), []);
  const all = Object.fromEntries(
    Array.from({ length: 60 }, (_, n) => [`d${n}`, { allOf: [1, 2].map(() => ({ $ref: `#/$defs/d${n + 1}` })) }]),
  );
  assert.deepEqual(wrong(gatewaySchema({ $ref: "#/$defs/d0", $defs: all })), []);
  assert.ok(Date.now() - started < 5_000);
});

test("what is required is there, each once", () => {
  const properties = { a: { type: "string" }, gone: { type: "null" } };
  assert.deepEqual(gatewaySchema({ type: "object", properties, required: ["a", "gone", "a", "never", 3] }).required, [
    "a",
  ]);
  assert.equal(gatewaySchema({ type: "object", properties, required: ["never"] }).required, undefined);
});

test("arguments are an object, whatever a server writes", () => {
  for (const schema of [{}, { type: "string" }, { type: "null" }, { $ref: "#" }, { anyOf: [{ type: "array" }] }]) {
    assert.equal(gatewaySchema(schema).type, "object", JSON.stringify(schema));
  }
});

test("a tool keeps its name and gets a description if it has none", () => {
  const schema = { type: "object" };
  assert.deepEqual(
    gatewayTools("time", [
      { name: "now", inputSchema: schema },
      { name: "in", description: " x ", inputSchema: schema },
    ]),
    [
      { name: "now", description: "The tool now.", inputSchema: schema },
      { name: "in", description: "x", inputSchema: schema },
    ],
  );
});

test("names that a client could not use are refused, all at once", () => {
  const tool = (length: number) => ({ name: "t".repeat(length), inputSchema: {} });
  assert.equal(gatewayTools("git", [tool(58)]).length, 1);
  assert.throws(
    () => gatewayTools("git", [tool(58), tool(59), tool(60)]),
    (error: Error) =>
      error instanceof Mistake && /longer than 64 characters: git___t{59}, git___t{60};/.test(error.message),
  );
  assert.throws(() => gatewayTools("a_b", []), Mistake);
});

/** What the gateway would refuse of a schema, by its documented form. */
function wrong(schema: unknown, at = "#"): readonly string[] {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return [`${at}: no schema`];
  const all = schema as Readonly<Record<string, unknown>>;
  const known = ["type", "description", "properties", "required", "items"];
  const problems = Object.keys(all)
    .filter((key) => !known.includes(key))
    .map((key) => `${at}: ${key}`);
  if (!TYPES.some((type) => type === all["type"])) problems.push(`${at}: type ${String(all["type"])}`);
  if ("description" in all && (typeof all["description"] !== "string" || all["description"] === ""))
    problems.push(`${at}: description`);
  const properties = (all["properties"] ?? {}) as Readonly<Record<string, unknown>>;
  if ("properties" in all && all["type"] !== "object") problems.push(`${at}: properties of no object`);
  if ("items" in all && all["type"] !== "array") problems.push(`${at}: items of no array`);
  if ("required" in all) {
    const required: readonly string[] = Array.isArray(all["required"]) ? (all["required"] as string[]) : [];
    const fit = required.length > 0 && new Set(required).size === required.length;
    if (!fit || required.some((name) => !Object.hasOwn(properties, name))) problems.push(`${at}: required`);
  }
  for (const [name, property] of Object.entries(properties)) problems.push(...wrong(property, `${at}/${name}`));
  if ("items" in all) problems.push(...wrong(all["items"], `${at}/items`));
  return problems;
}

const NAMES = ["a", "b", "__proto__", "constructor", "ü/~"];
const value = fc.jsonValue({ maxDepth: 1 });
const mostly = (usual: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: value });
/** Keywords of JSON Schema with what belongs there, mostly. */
const { schema: anySchema } = fc.letrec((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    { weight: 1, arbitrary: fc.boolean() },
    {
      weight: 6,
      arbitrary: fc.record(
        {
          type: fc.oneof(
            fc.constantFrom(...TYPES, "array", "object", "null", "date"),
            fc.array(fc.constantFrom(...TYPES, "null"), { maxLength: 2 }),
          ),
          description: fc.oneof(fc.string(), value),
          title: fc.string(),
          properties: mostly(fc.dictionary(fc.constantFrom(...NAMES), tie("schema"), { minKeys: 1, maxKeys: 3 })),
          required: mostly(fc.array(fc.constantFrom(...NAMES), { maxLength: 3 })),
          items: fc.oneof(tie("schema"), fc.array(tie("schema"), { maxLength: 2 }), value),
          anyOf: fc.oneof(fc.array(tie("schema"), { maxLength: 2 }), value),
          oneOf: fc.array(tie("schema"), { maxLength: 2 }),
          allOf: fc.oneof(fc.array(tie("schema"), { maxLength: 2 }), value),
          $ref: fc.oneof(
            fc.constantFrom("#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/%zz", "#/$defs/%C3%BC~1~0"),
            value,
          ),
          enum: fc.oneof(fc.array(value, { maxLength: 3 }), value),
          const: value,
          default: value,
          minimum: value,
          pattern: value,
          additionalProperties: tie("schema"),
        },
        { requiredKeys: [] },
      ),
    },
  ),
}));

test("whatever a server writes, the gateway gets what it takes, and no property is lost without a reason", () => {
  const definitions = fc.dictionary(fc.constantFrom(...NAMES), anySchema, { maxKeys: 3 });
  const counts = { properties: 0, required: 0, items: 0 };
  fc.assert(
    fc.property(anySchema, definitions, (schema, $defs) => {
      const whole = { ...(schema as object), $defs };
      const clean = gatewaySchema(whole);
      assert.deepEqual(wrong(clean), []);
      const text = JSON.stringify(clean);
      counts.properties += Number(clean.properties !== undefined);
      counts.required += Number(text.includes('"required"'));
      counts.items += Number(text.includes('"items"'));
      // What it takes is what it is: cleaning again changes no form.
      assert.deepEqual(wrong(gatewaySchema(clean)), []);
      assert.deepEqual(Object.keys(gatewaySchema(clean).properties ?? {}), Object.keys(clean.properties ?? {}));
    }),
    { numRuns: Math.max(2_000, Number(process.env["FUZZ_CASES"] ?? 0)) },
  );
  // The cases are worth something only if they lead somewhere.
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 0, `${what}: ${count}`);
});

test("a property that some value fits is kept under its name", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(...NAMES),
        fc.constantFrom({ type: "string" }, { anyOf: [{ type: "null" }, { type: "array" }] }, {}, true),
      ),
      (properties) => {
        assert.deepEqual(
          Object.keys(gatewaySchema({ type: "object", properties }).properties ?? {}),
          Object.keys(properties),
        );
      },
    ),
  );
});
