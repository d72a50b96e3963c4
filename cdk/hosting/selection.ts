/** Which servers of servers.yaml are deployed. */
import type { Config } from "../config";
import { Mistake } from "../mistake";
import { arnOutput } from "./outputs";
import type { Servers } from "./server";

/**
 * The servers that the setting `hostedServers` names: all that are enabled, or some of them. Throws a {@link Mistake} with
 * each id that is not there or not enabled, and with ids that could not be told apart in the outputs.
 */
export function selectServers(
  { hosted, remote }: Servers,
  { hostedServers, serversFile }: Pick<Config, "hostedServers" | "serversFile">,
): Servers {
  const all = [...hosted, ...remote];
  const enabled = all.filter((server) => server.enabled);
  const problems = wanted(hostedServers)
    .filter((id) => !enabled.some((server) => server.id === id))
    .map((id) => {
      const reason = all.some((server) => server.id === id) ? "is not enabled" : "is not there";
      return `hostedServers: ${id} ${reason} in ${serversFile}; allowed: ${enabled.map((server) => server.id).join(", ")}`;
    });
  const chosen = <S extends { readonly id: string; readonly enabled: boolean }>(servers: readonly S[]): readonly S[] =>
    servers.filter(({ id, enabled }) => enabled && (hostedServers === "all" || hostedServers.includes(id)));
  const outputs = new Map<string, string>();
  for (const { id } of chosen(hosted)) {
    const other = outputs.get(arnOutput(id));
    if (other !== undefined)
      problems.push(`${serversFile}: ${id} and ${other} differ in hyphens only, which outputs cannot have`);
    outputs.set(arnOutput(id), id);
  }
  if (problems.length > 0) throw new Mistake(problems.join("\n"));
  return { hosted: chosen(hosted), remote: chosen(remote) };
}

const wanted = (ids: Config["hostedServers"]): readonly string[] => (ids === "all" ? [] : ids);
