/**
 * Tools as AgentCore Gateway takes them. Its SchemaDefinition knows `type`, `properties`, `required`, `items` and
 * `description` and nothing else; servers write all of JSON Schema. What is lost as a rule is told in the description, where a
 * model reads it; the server goes on checking by its own schema.
 * Source: Amazon Bedrock AgentCore control API, ToolDefinition and SchemaDefinition.
 */
import { Mistake } from "../mistake";
import { notes } from "./schema-notes";

/** Types that SchemaDefinition knows. */
export const TYPES = ["string", "number", "integer", "boolean", "array", "object"] as const;
export type GatewayType = (typeof TYPES)[number];

/** SchemaDefinition of the gateway's API. */
export interface GatewaySchema {
  readonly type: GatewayType;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, GatewaySchema>>;
  readonly required?: readonly string[];
  readonly items?: GatewaySchema;
}

/** ToolDefinition of the gateway's API. The output schema stays out: what the gateway does with it is not documented. */
export interface GatewayTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: GatewaySchema;
}

/** A tool as a server lists it. */
export interface ListedTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: object;
}

/** What stands between the target's name and the tool's in the name that a client sees. */
const SEPARATOR = "___";
/** Longest name of a tool that models on Bedrock take. Source: Amazon Bedrock Converse API, ToolSpecification. */
export const MAX_TOOL_NAME = 64;
/** A name of a target, without underscores. Source: CreateGatewayTarget. */
const TARGET = /^([0-9a-zA-Z]-?){1,100}$/;
/** A schema that is nested deeper is cut there: beyond this no model fills it in. */
const MAX_DEPTH = 12;
/** How many schemas of one tool are looked at: references can lead to each other more often than anybody could wait for. */
const MAX_STEPS = 20_000;

type Schema = Readonly<Record<string, unknown>>;

/**
 * The tools of a target. Throws a {@link Mistake} with each name that a client could not use: `{target}___{tool}` has at most
 * 64 characters.
 */
export function gatewayTools(target: string, tools: readonly ListedTool[]): readonly GatewayTool[] {
  if (!TARGET.test(target)) {
    throw new Mistake(`gateway target ${JSON.stringify(target)}: allowed: letters, digits and single hyphens`);
  }
  const long = tools.map(({ name }) => `${target}${SEPARATOR}${name}`).filter((name) => name.length > MAX_TOOL_NAME);
  if (long.length > 0) {
    throw new Mistake(
      `gateway target ${target}: longer than ${MAX_TOOL_NAME} characters: ${long.join(", ")}; ` +
        "choose a shorter id for the server, or leave it out of the gateway (gateway: none)",
    );
  }
  return tools.map(({ name, description, inputSchema }) => ({
    name,
    description: text(description) ?? `The tool ${name}.`,
    inputSchema: gatewaySchema(inputSchema),
  }));
}

/** A JSON Schema of arguments, as far as the gateway takes it: always an object. */
export function gatewaySchema(schema: object): GatewaySchema {
  const converted = convert(schema, { root: schema as Schema, refs: [], depth: 0, budget: { left: MAX_STEPS } });
  return converted?.type === "object" ? converted : { type: "object" };
}

interface Place {
  /** The whole schema, which references lead into. */
  readonly root: Schema;
  /** References that were followed to get here. */
  readonly refs: readonly string[];
  readonly depth: number;
  /** How many more schemas are looked at. */
  readonly budget: { left: number };
}

/** A schema in the gateway's form; undefined for one that no value but null fits. */
function convert(schema: unknown, place: Place): GatewaySchema | undefined {
  if (schema === false) return undefined;
  if (!isSchema(schema)) return ANYTHING;
  const flat = flatten(schema, place);
  if (flat === undefined) return { type: "object", ...described(schema, ["Nested further in the same way"]) };
  const type = typeOf(flat.schema);
  if (type === undefined) {
    return nullOnly(flat.schema) ? undefined : { type: "string", ...described(flat.schema, [ANY_JSON]) };
  }
  const about = described(flat.schema, notes(flat.schema));
  if (place.depth >= MAX_DEPTH) return { type, ...about };
  const below = { ...place, refs: flat.refs, depth: place.depth + 1 };
  if (type === "object") return { type, ...about, ...members(flat.schema, below) };
  const items = type === "array" ? itemsOf(flat.schema, below) : undefined;
  return { type, ...about, ...(items === undefined ? {} : { items }) };
}

const ANY_JSON = "Any JSON value, as text";
const ANYTHING: GatewaySchema = { type: "string", description: `${ANY_JSON}.` };

/** What each item of an array is; undefined if that is not said, because the gateway refuses empty items. */
function itemsOf({ items }: Schema, place: Place): GatewaySchema | undefined {
  return isSchema(items) && Object.keys(items).length > 0 ? convert(items, place) : undefined;
}

/** The properties of an object, and which of them must be there. */
function members(schema: Schema, place: Place): Pick<GatewaySchema, "properties" | "required"> {
  const given = isSchema(schema["properties"]) ? schema["properties"] : {};
  const properties = Object.entries(given)
    .map(([name, property]) => [name, convert(property, place)] as const)
    .filter((entry): entry is [string, GatewaySchema] => entry[1] !== undefined);
  const names = new Set(properties.map(([name]) => name));
  const listed = Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : [];
  const required = [...new Set(listed)].filter((name): name is string => typeof name === "string" && names.has(name));
  return {
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(required.length === 0 ? {} : { required }),
  };
}

interface Flat {
  readonly schema: Schema;
  readonly refs: readonly string[];
}

/**
 * A schema with what it refers to and combines put into it: references within the same document, all of `allOf`, and of
 * `anyOf` and `oneOf` the first choice that is more than null. A choice narrows what a client may send, so what it sends is
 * still right for the server. Undefined where a reference leads into itself, or where there is too much to look at.
 */
function flatten(schema: Schema, place: Place): Flat | undefined {
  if (place.budget.left-- <= 0) return undefined;
  const { $ref: reference, allOf, anyOf, oneOf, ...own } = schema;
  const parts: Schema[] = [];
  const path = typeof reference === "string" ? [...place.refs, reference] : place.refs;
  if (typeof reference === "string") {
    if (place.refs.includes(reference)) return undefined;
    parts.push(lookUp(place.root, reference) ?? {});
  }
  if (Array.isArray(allOf)) parts.push(...allOf.filter(isSchema));
  for (const choices of [anyOf, oneOf]) {
    if (!Array.isArray(choices) || choices.length === 0) continue;
    parts.push(choices.filter(isSchema).find((choice) => !nullOnly(choice)) ?? { type: "null" });
  }
  let whole: Schema = own;
  let refs = path;
  for (const part of parts) {
    const flat = flatten(part, { ...place, refs: path });
    if (flat === undefined) return undefined;
    whole = merged(whole, flat.schema);
    refs = [...refs, ...flat.refs];
  }
  return { schema: whole, refs: [...new Set(refs)] };
}

/** Two schemas that both hold, as far as the gateway can say it. What stands nearer to the tool is said first. */
function merged(outer: Schema, inner: Schema): Schema {
  const both = { ...inner, ...outer };
  if (isSchema(outer["properties"]) && isSchema(inner["properties"])) {
    both["properties"] = { ...inner["properties"], ...outer["properties"] };
  }
  if (Array.isArray(outer["required"]) && Array.isArray(inner["required"])) {
    both["required"] = [...(outer["required"] as unknown[]), ...(inner["required"] as unknown[])];
  }
  return both;
}

/** The type of a schema, also where it is only implied; undefined if it can be anything, or null alone. */
function typeOf(schema: Schema): GatewayType | undefined {
  const { type } = schema;
  const named = [type].flat().find((one): one is GatewayType => TYPES.some((known) => known === one));
  if (named !== undefined) return named;
  if (type !== undefined) return undefined;
  if (isSchema(schema["properties"])) return "object";
  if (schema["items"] !== undefined || Array.isArray(schema["prefixItems"])) return "array";
  const values =
    "const" in schema ? [schema["const"]] : Array.isArray(schema["enum"]) ? (schema["enum"] as unknown[]) : [];
  return values.map(typeOfValue).find((one) => one !== undefined);
}

function typeOfValue(value: unknown): GatewayType | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return TYPES.find((type) => type === typeof value);
}

/** Whether null is all that fits. */
function nullOnly({ type, const: only, enum: values }: Schema): boolean {
  const types = [type].flat().filter((one) => one !== undefined);
  if (types.length > 0) return types.every((one) => one === "null");
  return only === null || (Array.isArray(values) && values.length > 0 && values.every((value) => value === null));
}

/** What a local reference leads to. Source: RFC 6901, JSON Pointer in a URI fragment. */
function lookUp(root: Schema, reference: string): Schema | undefined {
  if (!reference.startsWith("#")) return undefined;
  const unescaped = (part: string) => safeDecode(part).replaceAll("~1", "/").replaceAll("~0", "~");
  const parts = reference.slice(1).split("/").slice(1).map(unescaped);
  const found = parts.reduce<unknown>(
    (at, part) => (isSchema(at) && Object.hasOwn(at, part) ? at[part] : undefined),
    root,
  );
  return isSchema(found) ? found : undefined;
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The description with what the gateway's form cannot say. */
function described(schema: Schema, more: readonly string[]): Pick<GatewaySchema, "description"> {
  const own = text(schema["description"]) ?? text(schema["title"]);
  const sentences = [...(own === undefined ? [] : [own.replace(/[.\s]+$/, "")]), ...more];
  return sentences.length === 0 ? {} : { description: `${sentences.join(". ")}.` };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
