/** servers.yaml: what it can say, and that everything wrong in it is said at once. `FUZZ_CASES` says how many texts are tried. */
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { readServers, serversOf } from "../hosting/servers";
import { Mistake } from "../mistake";
import { ROOT } from "./support";

const problemsOf = (text: string): string[] => {
  try {
    serversOf("servers.yaml", text);
    return [];
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return error.message.split("\n").map((line) => line.replace(/^servers\.yaml: /, ""));
  }
};

/** A file with one server that has these keys too. */
const file = (keys: string, id = "git") => `${id}:\n  name: Git\n  description: Git.\n${keys.replace(/^/gm, "  ")}\n`;
const UVX = "command: uvx\nargs: [mcp-server-git@1.0.2]";

/** The program of the only server. */
const programOf = (keys: string) => {
  const { program, packaging, arguments: rest } = serversOf("servers.yaml", file(keys)).hosted[0]!;
  return { program, packaging, rest };
};

test("an entry in the guide's form has every default filled in", () => {
  const text = file(`command: uvx
args: ["mcp-server-git@2026.10.19", --repository, "\${LAMBDA_TASK_ROOT}/repo"]
env: { FASTMCP_LOG_LEVEL: ERROR }`);
  assert.deepEqual(serversOf("servers.yaml", text), {
    hosted: [
      {
        kind: "hosted",
        id: "git",
        name: "Git",
        description: "Git.",
        enabled: true,
        registration: { register: true, version: "2026.10.19", status: "active", readOnlyTools: [], metadata: {} },
        program: {
          kind: "python",
          package: "mcp-server-git",
          extras: [],
          version: "2026.10.19",
          with: [],
          runtime: "python3.13",
        },
        packaging: "zip",
        systemPackages: [],
        arguments: ["--repository", "${LAMBDA_TASK_ROOT}/repo"],
        environment: { FASTMCP_LOG_LEVEL: "ERROR" },
        secrets: [],
        timeoutSeconds: 60,
        memoryMb: 1024,
        ephemeralStorageMb: 512,
        vpc: false,
        isolation: "environment",
        awsCredentials: false,
        permissions: [],
        clientRequests: "refuse",
        replay: [],
        roots: [],
        workingDirectory: "/tmp",
        allowedOrigins: [],
        startTimeoutSeconds: 30,
        gateway: "lambda",
        functionUrl: false,
      },
    ],
    remote: [],
  });
});

test("a server that runs elsewhere is registered only", () => {
  const text = file(`runtime: remote
remote:
  endpoint_url: https://mcp.example/mcp
  authentication_type: oauth
  oauth: { token_url: "https://id.example/token", scope: read }`);
  const { hosted, remote } = serversOf("servers.yaml", text);
  assert.deepEqual(hosted, []);
  assert.equal(remote[0]!.endpointUrl, "https://mcp.example/mcp");
  assert.deepEqual(remote[0]!.oauth, { tokenUrl: "https://id.example/token", scope: "read" });
});

test("every way to name a package is the same package", () => {
  const python = { kind: "python", package: "a.b-c", extras: [], version: "1.0.2", with: [], runtime: "python3.13" };
  for (const keys of [
    "command: uvx\nargs: [a.b-c@1.0.2, --x]",
    "command: uvx\nargs: [a.b-c==1.0.2, --x]",
    "command: uvx\nversion: 1.0.2\nargs: [a.b-c, --x]",
    "runtime: python3.13\npackage: a.b-c\nversion: 1.0.2\nargs: [--x]",
    "command: uvx\npackage: a.b-c@1.0.2\nargs: [--x]",
  ]) {
    assert.deepEqual(programOf(keys), { program: python, packaging: "zip", rest: ["--x"] }, keys);
  }
  const node = { kind: "node", package: "@s/n", version: "2026.8.31", with: [], runtime: "nodejs22.x" };
  for (const keys of [
    'command: npx\nargs: [-y, "@s/n@2026.8.31", /tmp]',
    'command: npx\nversion: 2026.8.31\nargs: ["@s/n", /tmp]',
    'runtime: nodejs22.x\npackage: "@s/n"\nversion: 2026.8.31\nargs: [/tmp]',
  ]) {
    assert.deepEqual(programOf(keys), { program: node, packaging: "zip", rest: ["/tmp"] }, keys);
  }
});

test("options of uvx and npx before the package are understood", () => {
  const python = programOf("command: uvx\nargs: [--from, 'a[cli,x]==2.0', --with, 'mcp<2', run-a, --flag]");
  assert.deepEqual(python.program, {
    kind: "python",
    package: "a",
    extras: ["cli", "x"],
    version: "2.0",
    script: "run-a",
    with: ["mcp<2"],
    runtime: "python3.13",
  });
  assert.deepEqual(python.rest, ["--flag"]);
  const node = programOf("command: npx\nargs: [--yes, -p, a@1.0.0, -p, b@2.0.0, run-a]\nruntime: nodejs24.x").program;
  assert.deepEqual(node, {
    kind: "node",
    package: "a",
    version: "1.0.0",
    script: "run-a",
    with: ["b@2.0.0"],
    runtime: "nodejs24.x",
  });
  assert.deepEqual(programOf("command: build/server-{architecture}\nargs: [stdio]").program, {
    kind: "binary",
    path: "build/server-{architecture}",
    runtime: "provided.al2023",
  });
});

/** Keys, and all that is said about them. */
const WRONG: readonly (readonly [string, readonly string[]])[] = [
  ["command: uvx\nargs: [a]", ['git.version: missing: write "a@1.4.0" with the version that was tried']],
  [
    "command: uvx\nargs: [a@latest]",
    ['git.args: "latest" is not an exact version: write "a@1.4.0" with the version that was tried'],
  ],
  ["command: uvx", ["git.args: no package, neither here nor as package"]],
  [
    "command: uvx\nargs: [--isolated, a@1.0]",
    ['git.args[0]: "--isolated" is not understood here; the package comes first, then its arguments'],
  ],
  ["command: uvx\nargs: [--from]", ["git.args[0]: nothing follows --from"]],
  [
    "command: uvx\nargs: [a@1.0]\nversion: 2.0.0",
    ['git.version: "2.0.0" contradicts "1.0" beside the package\'s name'],
  ],
  [
    "command: docker\nargs: [run, ghcr.io/github/github-mcp-server]",
    [
      'git.command: "docker" cannot be hosted: a container cannot run inside Lambda: name the server\'s package or program, or runtime: remote',
    ],
  ],
  ["command: python\nargs: [-m, a]", ['git.command: "python" cannot be hosted: use uvx and name the package']],
  [
    "command: ../evil",
    ['git.command: "../evil" is neither uvx nor npx nor the file of a program below this directory'],
  ],
  [
    `${UVX}\nruntime: nodejs22.x`,
    [
      "git.runtime: nodejs22.x cannot run the package, one of python3.11, python3.12, python3.13, python3.14, image does",
    ],
  ],
  [
    `${UVX}\nwith: ["-r evil.txt"]`,
    ['git.with: "-r evil.txt" is not a requirement such as "mcp<2" (without markers and URLs)'],
  ],
  [`${UVX}\ntimeout: 901`, ["git.timeout: 901 is not allowed, it must be <= 900"]],
  [
    `${UVX}\nmemory: 127\nephemeral_storage: 10241`,
    [
      "git.memory: 127 is not allowed, it must be >= 128",
      "git.ephemeral_storage: 10241 is not allowed, it must be <= 10240",
    ],
  ],
  [`${UVX}\nenv: { PORT: 8080 }`, ["git.env.PORT: 8080 is not allowed, it must be of type string"]],
  [
    `${UVX}\nenv: { AWS_LAMBDA_RUNTIME_API: x, AWS_SESSION_TOKEN: y, HOME: /root, PYTHONPATH: /x, "A-B": z }`,
    [
      "git.env.AWS_LAMBDA_RUNTIME_API: Lambda sets this variable itself; the role's credentials come with aws_credentials: true",
      "git.env.AWS_SESSION_TOKEN: Lambda sets this variable itself; the role's credentials come with aws_credentials: true",
      "git.env.HOME: always /tmp, since nothing else can be written to",
      "git.env.PYTHONPATH: set where the package is made, so that the program finds its parts",
      "git.env.A-B: a variable's name has letters, digits and underscores, a letter first, and at most 100 characters",
    ],
  ],
  [`${UVX}\nenv: { A: ${"x".repeat(4096)} }`, ["git.env: 4097 bytes of names and values, Lambda allows 4096"]],
  [`${UVX}\nenv: { KEY: a }\nsecrets: [KEY]`, ['git.secrets[0]: "KEY" is in env too']],
  [`${UVX}\nsecrets: [KEY, KEY]`, ['git.secrets[1]: "KEY" is secrets[0] already']],
  [
    `${UVX}\nenv: { URL: "https://x/\${env:TOKEN}" }`,
    ["git.env.URL: ${env:TOKEN} is not filled in, only ${LAMBDA_TASK_ROOT} is; a secret belongs to secrets"],
  ],
  [
    `${UVX}\naws_credentials: true\npermissions: [{ actions: ["*:*"], resources: ["*"] }]`,
    [
      'git.permissions[0].actions[0]: "*:*" is not allowed: an action such as s3:GetObject, or the beginning of some such as s3:List*',
    ],
  ],
  [
    `${UVX}\naws_credentials: true\npermissions: [{ actions: ["s3:*"], resources: ["bucket"] }]`,
    [
      'git.permissions[0].actions[0]: "s3:*" is not allowed: an action such as s3:GetObject, or the beginning of some such as s3:List*',
      'git.permissions[0].resources[0]: "bucket" is not allowed: * or an ARN, in which ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId} are filled in',
    ],
  ],
  [
    `${UVX}\npermissions: [{ actions: ["s3:GetObject"], resources: ["*"] }]`,
    ["git.permissions: of no use without aws_credentials: true, since the server does not get the role's credentials"],
  ],
  [`${UVX}\nsystem_packages: [git-core]`, ["git.system_packages: a zip cannot bring them: they need runtime: image"]],
  [
    `${UVX}\ngateway: mcp_server`,
    ["git.gateway: mcp_server is reached at the function's URL: it needs function_url: true"],
  ],
  [
    `${UVX}\nclient_requests: rendezvous\nreserved_concurrency: 1`,
    ["git.reserved_concurrency: a client's answer needs an environment beside the one that waits for it: 2 or more"],
  ],
  [`${UVX}\ntimeout: 10\nstart_timeout: 20`, ["git.start_timeout: longer than timeout, 10 seconds"]],
  [
    `${UVX}\nroots: [/etc, /tmp/../etc]`,
    [
      'git.roots[0]: "/etc" is not allowed: /tmp or ${LAMBDA_TASK_ROOT}, or a directory below, without .. in it',
      'git.roots[1]: "/tmp/../etc" is not allowed: /tmp or ${LAMBDA_TASK_ROOT}, or a directory below, without .. in it',
    ],
  ],
  [
    "command: uvx\nargs: [a@1.0.0rc1]",
    ["git.registration.version: missing: the registry takes semantic versions, which 1.0.0rc1 is not"],
  ],
  [
    "runtime: remote\ncommand: uvx\nremote: { endpoint_url: 'http://x.example', api_key_header: X }",
    [
      "git.command: a server with runtime: remote does not have it, since it is not hosted",
      'git.remote.endpoint_url: "http://x.example" is not an https URL without user and fragment',
      "git.remote.api_key_header: needs authentication_type: api_key, and it is none",
    ],
  ],
  ["runtime: remote", ["git.remote: missing: it says where the server is"]],
  [`${UVX}\nremote: { endpoint_url: "https://x.example" }`, ["git.remote: only a server with runtime: remote has it"]],
];

test("what is wrong with an entry is said by key and reason, all of it", () => {
  for (const [keys, problems] of WRONG) assert.deepEqual(problemsOf(file(keys)), problems, keys);
});

test("unknown and doubled keys and ids that cannot be names are refused", () => {
  const [unknown = ""] = problemsOf(file(`${UVX}\nmemmory: 512`));
  assert.match(unknown, /^git\.memmory: unknown key, known are name, description, /);
  assert.match(problemsOf(`${file(UVX)}${file(UVX)}`)[0]!, /^not valid YAML: .*must be unique/);
  const cases: readonly (readonly [string, string])[] = [
    ["Git", "Git: the id may have lower-case letters, digits and single hyphens between them, a letter first"],
    ["pipelines", 'pipelines: the id "pipelines" is that of a server of Switchyard'],
    [
      "a".repeat(22),
      `${"a".repeat(22)}: the id has 22 characters, at most 21 are allowed for a gateway target (with gateway: none 50)`,
    ],
  ];
  for (const [id, problem] of cases) assert.deepEqual(problemsOf(file(UVX, id)), [problem]);
  assert.deepEqual(problemsOf(file(`${UVX}\ngateway: none`, "a".repeat(50))), []);
});

test("the problems of all entries are told at once", () => {
  const text = `${file("command: uvx", "one")}${file("command: npx", "two")}three: [1]\n`;
  assert.deepEqual(problemsOf(text), [
    "one.args: no package, neither here nor as package",
    "two.args: no package, neither here nor as package",
    "three: [1] is not allowed, it must be of type object",
  ]);
  assert.deepEqual(problemsOf(""), []);
  assert.deepEqual(problemsOf("- a"), ["the file must have one key for each server: its id"]);
});

test("only origins, as browsers write them, let web pages call", () => {
  const keys = (origins: string) => file(`${UVX}\nallowed_origins: [${origins}]`);
  assert.deepEqual(problemsOf(keys('"https://pages.example", "http://localhost:3000"')), []);
  for (const origin of [
    "https://pages.example/",
    "https://PAGES.example",
    "https://a.example:443",
    "*",
    "null",
    "file://a",
  ]) {
    const problem = `git.allowed_origins[0]: ${JSON.stringify(origin)} is not scheme and host, like https://pages.example`;
    assert.deepEqual(problemsOf(keys(JSON.stringify(origin))), [problem], origin);
  }
});

test("a file that is not there is named", () => {
  assert.throws(
    () => readServers("nowhere/servers.yaml"),
    (error) => error instanceof Mistake && error.message.startsWith("nowhere/servers.yaml: cannot be read: "),
  );
});

test("the catalogue has the 18 servers of the guide, each withdrawn one with its reason", () => {
  const { hosted, remote } = readServers(path.join(ROOT, "servers.yaml"));
  assert.equal(hosted.length + remote.length, 18);
  assert.deepEqual(
    remote.map(({ id }) => id),
    ["aws-knowledge", "github"],
  );
  // Those whose dependencies are held back are those whose authors have stopped.
  for (const { id, program, deprecated } of hosted) {
    if (program.kind === "python" && program.with.includes("mcp<2")) assert.ok(deprecated !== undefined, id);
  }
  for (const { id, permissions } of hosted) {
    const actions = permissions.flatMap((statement) => statement.actions);
    assert.ok(
      actions.every((action) => !action.includes("*")),
      id,
    );
    assert.ok(
      actions.every((action) => !/:(Create|Delete|Put|Update|Attach|Pass)/.test(action)),
      id,
    );
  }
});

const CASES = Math.max(300, Number(process.env["FUZZ_CASES"] ?? 0));

/** Values around every rule there is. */
const VALUES = fc.oneof(
  fc.constantFrom<unknown>(
    null, true, 0, -1, 60, 901, 1.5, 1e21, "", " ", "uvx", "npx", "docker", "image", "remote", "python3.13", "nodejs22.x", "a@1.0.0", "@s/n@1.0.0", "a[x]==1.0", "[", "@", "a@",
    "--from", "${X}", "${", "/tmp", "/tmp/../x", "https://x.example", "http://", "\u0000", "__proto__", "💥", "x".repeat(5000), [], {}, ["a@1.0"], ["-y", "b@1.0.0"], ["--with", "x"],
    [{ actions: ["s3:GetObject"], resources: ["*"] }], { A: "b" }, { __proto__: 1 }, { endpoint_url: "https://x.example" },
  ),
  fc.string(),
  fc.jsonValue(),
); // prettier-ignore
const KEYS = [
  "name", "description", "enabled", "deprecated", "command", "args", "env", "timeout", "memory", "package", "version", "runtime", "script", "with", "system_packages", "isolation",
  "aws_credentials", "permissions", "secrets", "replay", "roots", "cwd", "start_timeout", "gateway", "function_url", "registration", "remote", "unknown", "__proto__",
] as const; // prettier-ignore

test("every text is a list of servers or refused line by line", () => {
  const counts = { taken: 0, refused: 0 };
  const base = parse(file(UVX)) as Record<string, Record<string, unknown>>;
  const entries = fc.tuple(
    fc.dictionary(fc.constantFrom(...KEYS), VALUES, { maxKeys: 3 }),
    fc.constantFrom("git", "Git", "a b", "constructor"),
  );
  const texts = fc.oneof(
    entries.map(([keys, id]) => stringify({ [id]: { ...base["git"], ...keys } })),
    // A character more or less, somewhere.
    fc.tuple(fc.nat(), fc.string()).map(([at, inserted]) => {
      const text = file(UVX);
      return text.slice(0, at % text.length) + inserted + text.slice(at % text.length);
    }),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const problems = problemsOf(text);
      for (const problem of problems) {
        assert.ok(problem.trim() !== "" && problem.length <= 2000, problem);
        assert.doesNotMatch(problem, /\p{Cc}/u);
      }
      counts[problems.length === 0 ? "taken" : "refused"] += 1;
    }),
    { numRuns: CASES },
  );
  assert.ok(counts.taken * 100 >= CASES && counts.refused * 10 >= CASES, JSON.stringify(counts));
});
