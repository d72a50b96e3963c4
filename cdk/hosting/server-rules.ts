/** Rules for entries of servers.yaml that a schema cannot express. */
import { oneLine, type Report } from "../yaml-file";
import type { ServerFile } from "./server-file";

/** Part of the names of a function, of its secrets and of files; as in cdk/config.ts. */
const ID = /^[a-z](-?[a-z0-9])*$/;
/** With `mcp-server-` before it, a function's name; those have at most 64 characters. */
const MAX_ID = 50;
/** A tool is `{target}___{tool}` behind a gateway, and Bedrock takes 64 characters; tools have names of up to 40. */
const MAX_TARGET = 21;
/** Ids of servers that we ship ourselves. */
const OUR_OWN = ["pipelines"];
/** Characters of all names and values. Source: AWS Lambda, "Lambda quotas", environment variables. */
const MAX_ENVIRONMENT = 4096;
const VARIABLE = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Set by Lambda. Source: AWS Lambda, "Defined runtime environment variables". */
const RESERVED =
  /^(AWS_LAMBDA_.*|_HANDLER|_X_AMZN_TRACE_ID|AWS_EXECUTION_ENV|AWS_ACCESS_KEY|AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AWS_CONTAINER_.*|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR)$/;
/** As servers/src/stdio_host/host/file.rs has it: the child writes to no other place than /tmp. */
const HOSTS = ["HOME", "TMPDIR"];
/** Set where the package is made, so that the program finds its parts. */
const PACKAGERS = ["PYTHONPATH", "PYTHONHOME", "NODE_PATH"];
const PLACEHOLDER = /\$\{([^}]*)\}/g;
/** Keys that a server has wherever it runs. */
const REMOTE_KEYS = ["name", "description", "enabled", "deprecated", "runtime", "registration", "remote"];

/** The rules for a key of the file. */
export function checkId(id: string, { gateway }: { readonly gateway?: string }, report: Report): void {
  if (!ID.test(id))
    report("", "the id may have lower-case letters, digits and single hyphens between them, a letter first");
  if (OUR_OWN.includes(id)) report("", `the id "${id}" is that of a server of Switchyard`);
  const most = gateway === "none" ? MAX_ID : MAX_TARGET;
  if (id.length <= most) return;
  const why = gateway === "none" ? "" : ` for a gateway target (with gateway: none ${MAX_ID})`;
  report("", `the id has ${id.length} characters, at most ${most} are allowed${why}`);
}

/** The rules for a server that runs in Lambda. */
export function checkHosted(file: ServerFile, report: Report): void {
  if (file.remote !== undefined) report("remote", "only a server with runtime: remote has it");
  checkVariables(file, report);
  for (const [key, text] of texts(file)) {
    const unknown = [...text.matchAll(PLACEHOLDER)].find(([, name]) => name !== "LAMBDA_TASK_ROOT");
    if (unknown === undefined) continue;
    report(
      key,
      `${oneLine(unknown[0], 60)} is not filled in, only \${LAMBDA_TASK_ROOT} is; a secret belongs to secrets`,
    );
  }
  if (file.system_packages !== undefined && file.runtime !== "image") {
    report("system_packages", "a zip cannot bring them: they need runtime: image");
  }
  if (file.permissions !== undefined && file.permissions.length > 0 && file.aws_credentials !== true) {
    report(
      "permissions",
      "of no use without aws_credentials: true, since the server does not get the role's credentials",
    );
  }
  if (file.gateway === "mcp_server" && file.function_url !== true) {
    report("gateway", "mcp_server is reached at the function's URL: it needs function_url: true");
  }
  if (file.client_requests === "rendezvous" && (file.reserved_concurrency ?? 2) < 2) {
    report(
      "reserved_concurrency",
      "a client's answer needs an environment beside the one that waits for it: 2 or more",
    );
  }
  if (file.start_timeout !== undefined && file.start_timeout > (file.timeout ?? 60)) {
    report("start_timeout", `longer than timeout, ${file.timeout ?? 60} seconds`);
  }
  for (const [index, origin] of (file.allowed_origins ?? []).entries()) {
    if (isOrigin(origin)) continue;
    report(
      `allowed_origins[${index}]`,
      `${JSON.stringify(oneLine(origin, 100))} is not scheme and host, like https://pages.example`,
    );
  }
  checkDoubles(file, report);
}

/** The rules for a server that runs elsewhere. */
export function checkRemote(file: ServerFile, report: Report): void {
  for (const key of Object.keys(file).filter((key) => !REMOTE_KEYS.includes(key))) {
    report(key, "a server with runtime: remote does not have it, since it is not hosted");
  }
  const { remote } = file;
  if (remote === undefined) {
    report("remote", "missing: it says where the server is");
    return;
  }
  const { authentication_type: type = "none" } = remote;
  checkUrl("remote.endpoint_url", remote.endpoint_url, report);
  checkUrl("remote.health_check_url", remote.health_check_url, report);
  checkUrl("remote.oauth.token_url", remote.oauth?.token_url, report);
  const needs = { api_key_header: "api_key", oauth: "oauth", signed_for: "iam" } as const;
  for (const [key, needed] of Object.entries(needs)) {
    if (remote[key as keyof typeof needs] === undefined || needed === type) continue;
    report(`remote.${key}`, `needs authentication_type: ${needed}, and it is ${type}`);
  }
  if (type === "oauth" && remote.oauth === undefined)
    report("remote.oauth", "missing beside authentication_type: oauth");
  if (file.registration?.register === false) {
    report("registration.register", "a server that is neither hosted nor registered is nothing; use enabled: false");
  }
}

function checkVariables({ env = {}, secrets = [] }: ServerFile, report: Report): void {
  const names: (readonly [string, string])[] = [
    ...Object.keys(env).map((name) => [`env.${oneLine(name, 100)}`, name] as const),
    ...secrets.map((name, index) => [`secrets[${index}]`, name] as const),
  ];
  for (const [key, name] of names) {
    if (!VARIABLE.test(name) || name.length > 100) {
      report(key, "a variable's name has letters, digits and underscores, a letter first, and at most 100 characters");
    } else if (RESERVED.test(name.toUpperCase())) {
      report(key, "Lambda sets this variable itself; the role's credentials come with aws_credentials: true");
    } else if (HOSTS.includes(name)) {
      report(key, "always /tmp, since nothing else can be written to");
    } else if (PACKAGERS.includes(name)) {
      report(key, "set where the package is made, so that the program finds its parts");
    }
  }
  for (const [index, name] of secrets.entries()) {
    if (Object.hasOwn(env, name)) report(`secrets[${index}]`, `"${name}" is in env too`);
  }
  const size = Object.entries(env).reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value), 0);
  if (size > MAX_ENVIRONMENT) report("env", `${size} bytes of names and values, Lambda allows ${MAX_ENVIRONMENT}`);
}

/** Texts in which placeholders are filled in, by their keys. */
function texts({ args = [], env = {} }: ServerFile): [string, string][] {
  return [
    ...args.map((text, index): [string, string] => [`args[${index}]`, text]),
    ...Object.entries(env).map(([name, text]): [string, string] => [`env.${oneLine(name, 100)}`, text]),
  ];
}

function checkDoubles(file: ServerFile, report: Report): void {
  for (const key of ["secrets", "replay", "roots", "with", "allowed_origins"] as const) {
    const list = file[key] ?? [];
    for (const [index, item] of list.entries()) {
      const first = list.indexOf(item);
      if (first < index)
        report(`${key}[${index}]`, `${JSON.stringify(oneLine(item, 100))} is ${key}[${first}] already`);
    }
  }
}

/** Whether it is an origin as browsers write it: lower case, no default port, nothing after it. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function checkUrl(key: string, text: string | undefined, report: Report): void {
  if (text === undefined) return;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" && url.username === "" && url.password === "" && url.hash === "") return;
  report(key, `${JSON.stringify(oneLine(text, 100))} is not an https URL without user and fragment`);
}
