/** servers.yaml: what it can say, and that everything wrong in it is said at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Mistake } from "../mistake";
import { serversOf } from "../hosting/servers";

const problemsOf = (text: string): string[] => {
  try {
    serversOf("servers.yaml", text);
    return [];
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return error.message.split("\n").map((line) => line.replace(/^servers\.yaml: /, ""));
  }
};

/** The program of the only server in a text of keys. */
const programOf = (keys: string) => {
  const { hosted } = serversOf(
    "servers.yaml",
    `git:\n  name: Git\n  description: Git.\n${keys.replace(/^/gm, "  ")}\n`,
  );
  const { program, packaging, arguments: rest } = hosted[0]!;
  return { program, packaging, rest };
};
const problemsWith = (keys: string) =>
  problemsOf(`git:\n  name: Git\n  description: Git.\n${keys.replace(/^/gm, "  ")}\n`);

test("an entry in the guide's form has every default filled in", () => {
  const text = `
git:
  name: Git
  description: Works with git repositories.
  command: uvx
  args: ["mcp-server-git@2026.10.19", --repository, "\${LAMBDA_TASK_ROOT}/repo"]
  env: { FASTMCP_LOG_LEVEL: ERROR }
`;
  assert.deepEqual(serversOf("servers.yaml", text), {
    hosted: [
      {
        kind: "hosted",
        id: "git",
        name: "Git",
        description: "Works with git repositories.",
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

test("a package without an exact version is refused", () => {
  for (const [keys, problem] of [
    ["command: uvx\nargs: [a]", 'git.version: missing: write "a@1.4.0" with the version that was tried'],
    [
      "command: uvx\nargs: [a@latest]",
      'git.args: "latest" is not an exact version: write "a@1.4.0" with the version that was tried',
    ],
    ["command: uvx", "git.args: no package, neither here nor as package"],
  ] as const) {
    assert.deepEqual(problemsWith(keys), [problem], keys);
  }
});

test("only origins, as browsers write them, let web pages call", () => {
  const keys = (origins: string) => `command: uvx\nargs: [a@1.4.0]\nallowed_origins: [${origins}]`;
  assert.deepEqual(problemsWith(keys('"https://pages.example", "http://localhost:3000"')), []);
  for (const origin of [
    "https://pages.example/",
    "https://PAGES.example",
    "https://a.example:443",
    "*",
    "null",
    "file://a",
  ]) {
    const problem = `git.allowed_origins[0]: ${JSON.stringify(origin)} is not scheme and host, like https://pages.example`;
    assert.deepEqual(problemsWith(keys(JSON.stringify(origin))), [problem], origin);
  }
});
