/** The container image of a server that a zip cannot hold, or that needs programs beside it. */
import { spawnSync } from "node:child_process";
import type { ArchitectureName } from "../config";
import { Mistake } from "../mistake";
import type { HostedServer } from "./server";

/** Base images by runtime. Source: AWS Lambda, "AWS base images", public.ecr.aws/lambda. */
const BASES = {
  python: (runtime: string) => ({
    base: `python:${runtime.slice("python".length)}`,
    interpreter: `/var/lang/bin/${runtime}`,
  }),
  node: (runtime: string) => ({
    base: `nodejs:${runtime.slice("nodejs".length).replace(".x", "")}`,
    interpreter: "/var/lang/bin/node",
  }),
};

/** The text of the Dockerfile; the directory beside it becomes LAMBDA_TASK_ROOT. */
export function dockerfile({ id, program, systemPackages }: HostedServer, architecture: ArchitectureName): string {
  if (program.kind === "binary") throw new Mistake(`${id}: a program that is already built needs no image`);
  const { base, interpreter } = BASES[program.kind](program.runtime);
  const platform = architecture === "arm64" ? "linux/arm64" : "linux/amd64";
  const installing =
    systemPackages.length === 0
      ? []
      : [`RUN microdnf install -y --setopt=install_weak_deps=0 ${systemPackages.join(" ")} && microdnf clean all`];
  return [
    `FROM --platform=${platform} public.ecr.aws/lambda/${base}`,
    ...installing,
    "COPY . ${LAMBDA_TASK_ROOT}/",
    "# The host takes the place of the runtime's own client; its argument is the interpreter.",
    `ENTRYPOINT ["/var/task/stdio_host", "${interpreter}"]`,
    "",
  ].join("\n");
}

/** Throws a {@link Mistake} where no Docker runs that could build images. */
export function requireDocker(id: string): void {
  const { status, error } = spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], {
    encoding: "utf8",
    timeout: 20_000,
  });
  if (status === 0) return;
  const why = error === undefined ? "no Docker daemon answers" : "docker is not installed";
  throw new Mistake(
    `${id}: its image cannot be built here, ${why}: build where Docker runs, or set enabled: false in servers.yaml`,
  );
}
