import type { ConnectedTool } from '../integrations/list-connected-tools.ts'
import type { RunTool } from './tools/run-tool.ts'

/** The tools of a run: ours that the agent names, and those of what its user connected. */
export function collectTools(
  own: ReadonlyMap<string, RunTool>,
  named: readonly string[],
  connected: readonly ConnectedTool[],
): RunTool[] {
  return [...named.flatMap((name) => own.get(name) ?? []), ...connected.map(toRunTool)].filter(
    ({ permission }) => permission !== 'never',
  )
}

function toRunTool({ name, integrationId, integrationTitle, permission, definition, ...tool }: ConnectedTool): RunTool {
  const { title, description, inputSchema, outputSchema, effect, isUntrusted } = definition
  return {
    name,
    title: `${title} (${integrationTitle})`,
    description,
    inputSchema,
    ...(outputSchema && { outputSchema }),
    effect,
    isUntrusted,
    permission,
    integrationId,
    ownName: definition.name,
    ...(tool.describeCall && { describeCall: tool.describeCall }),
    execute: (input, { signal }) => tool.execute(input, signal),
  }
}
