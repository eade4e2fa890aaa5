import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { checkCapabilities } from '../agents/check-capabilities.ts'
import { formatPointer } from '../agents/check-storable.ts'
import type { Fault } from '../errors.ts'
import {
  type CatalogueAgent,
  type CataloguePlan,
  catalogueAgentSchema,
  cataloguePlansSchema,
} from './catalogue-schemas.ts'

export interface Catalogue {
  /** By slug. */
  agents: CatalogueAgent[]
  /** In the order of the file. */
  plans: CataloguePlan[]
}

/** Reads `agents/*.json` and `plans.json` in the folder; throws one Error that lists every fault of every file. */
export async function readCatalogue(folder: string): Promise<Catalogue> {
  const faults: string[] = []
  const report = (file: string, found: Fault[]) => {
    for (const fault of found) faults.push(`${file}${fault.path ? ` ${fault.path}` : ''}: ${fault.message}`)
  }

  const names = (await readdir(join(folder, 'agents'))).filter((name) => name.endsWith('.json')).sort()
  const agents: CatalogueAgent[] = []
  for (const name of names) {
    const file = join(folder, 'agents', name)
    const agent = await readJson(file, catalogueAgentSchema, report)
    if (agent === null) continue
    report(file, checkAgent(agent, name))
    agents.push(agent)
  }

  const plansFile = join(folder, 'plans.json')
  const plans = (await readJson(plansFile, cataloguePlansSchema, report)) ?? []
  report(plansFile, checkPlans(plans))

  if (faults.length > 0) throw new Error(`The catalogue has faults:\n${faults.map((fault) => `- ${fault}`).join('\n')}`)
  return { agents, plans }
}

async function readJson<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  report: (file: string, faults: Fault[]) => void,
): Promise<z.infer<Schema> | null> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    report(file, [{ path: '', message: error instanceof Error ? error.message : String(error) }])
    return null
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  report(
    file,
    parsed.error.issues.map(({ path, message }) => ({ path: formatPointer(path.map(String)), message })),
  )
  return null
}

function checkAgent(agent: CatalogueAgent, fileName: string): Fault[] {
  const faults = checkCapabilities(agent.capabilities).map(({ path, message }) => ({
    path: `/capabilities${path}`,
    message,
  }))
  // With the slug in the file name, no two files can hold the same one.
  if (fileName !== `${agent.slug}.json`) faults.push({ path: '/slug', message: `The file must be ${agent.slug}.json.` })
  if (Object.keys(agent.capabilities.example_settings).length === 0) {
    faults.push({ path: '/capabilities/example_settings', message: 'A catalogue agent needs an example.' })
  }
  return faults
}

function checkPlans(plans: CataloguePlan[]): Fault[] {
  const faults = plans.flatMap((plan, index) =>
    plans.findIndex((other) => other.slug === plan.slug) < index
      ? [{ path: `/${index}/slug`, message: `"${plan.slug}" is listed twice.` }]
      : [],
  )
  const defaults = plans.filter((plan) => plan.is_default)
  if (defaults.length > 1) faults.push({ path: '', message: 'More than one plan is the default.' })
  if (defaults.some(({ price, is_public }) => Number(price) > 0 || !is_public))
    faults.push({ path: '', message: 'The default plan has to be free and public.' })
  return faults
}
