import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { renderInstructions } from '../agents/render-instructions.ts'
import { validateSettings } from '../agents/validate-settings.ts'
import { limitNames } from '../plans/plan-features.ts'
import { buildPassages } from '../runtime/knowledge/build-passages.ts'
import { searchPassages, strongScore } from '../runtime/knowledge/search-passages.ts'
import { agentTypes, type CatalogueAgent } from './catalogue-schemas.ts'
import { readCatalogue } from './read-catalogue.ts'

const folder = join(import.meta.dirname, '../../../catalogue')
const { agents, plans } = await readCatalogue(folder)

test('the catalogue has an agent of every type', () => {
  expect([...new Set(agents.map((agent) => agent.type))].sort()).toEqual([...agentTypes].sort())
  expect(agents.length).toBeGreaterThanOrEqual(12)
})

test('no two agents share a slug or a name', () => {
  expect(new Set(agents.map((agent) => agent.slug)).size).toBe(agents.length)
  expect(new Set(agents.map((agent) => agent.name)).size).toBe(agents.length)
})

describe.each(agents.map((agent) => [agent.slug, agent] as const))('%s', (_slug, agent) => {
  const { capabilities } = agent
  const { settings, example_settings: example } = capabilities

  test('offers three or four starters', () => {
    expect(capabilities.starters.length).toBeGreaterThanOrEqual(3)
    expect(capabilities.starters.length).toBeLessThanOrEqual(4)
  })

  test('asks four to nine questions, few of them required, all with an example', () => {
    const names = Object.keys(settings.properties)
    expect(names.length).toBeGreaterThanOrEqual(4)
    expect(names.length).toBeLessThanOrEqual(9)
    expect(settings.required.length).toBeLessThanOrEqual(3)
    const withoutExample = names.filter((name) => example[name] === undefined)
    // An example that leaves a field empty shows that it may be left empty; one such field is enough.
    expect(withoutExample.length).toBeLessThanOrEqual(1)
  })

  test('has instructions that hold every value of the example but the texts it searches', () => {
    const rendered = renderInstructions(capabilities.instructions, example, settings)
    expect(rendered).not.toContain('{{')
    const unused = Object.keys(settings.properties).filter(
      (name) => !capabilities.instructions.includes(`{{settings.${name}}}`) && !capabilities.knowledge.includes(name),
    )
    expect(unused).toEqual([])
  })

  test('has instructions without a bare label when only the required fields are filled in', () => {
    const required = Object.fromEntries(settings.required.map((name) => [name, example[name] ?? null]))
    expect(validateSettings(settings, required)).toEqual([])
    const rendered = renderInstructions(capabilities.instructions, required, settings)
    expect(rendered).not.toContain('{{')
    for (const name of Object.keys(settings.properties)) {
      const label = new RegExp(`^(.*):[ \\n]\\{\\{settings\\.${name}\\}\\}$`, 'm').exec(capabilities.instructions)?.[1]
      const hasValue = name in required || settings.properties[name]?.default !== undefined
      if (label !== undefined && !hasValue) expect(rendered).not.toContain(`${label}:`)
    }
  })

  test('describes itself in a first sentence short enough for a card', () => {
    const [first] = agent.description.split(/(?<=\.)\s/)
    expect(first?.length).toBeLessThanOrEqual(140)
    expect(first).toMatch(/\.$/)
  })

  test('answers at least two of its starters from the example without any language model', () => {
    const passages = buildPassages(example, capabilities)
    const answered = capabilities.starters.filter((starter) => {
      const [best] = searchPassages(passages, starter).hits
      return best !== undefined && best.score >= strongScore
    })
    expect(answered.length).toBeGreaterThanOrEqual(2)
  })

  test('can be used without connecting an account', () => {
    expect(capabilities.integrations.filter((integration) => integration.required)).toEqual([])
    expect(capabilities.knowledge.length).toBeGreaterThan(0)
  })
})

test('each starter of customer service is a question of its example FAQ, so that it has an exact answer', () => {
  const { starters, example_settings: example } = agents.find(
    (agent) => agent.slug === 'customer-service',
  )!.capabilities
  const faq = example.faq as { question: string; answer: string }[]
  expect(faq.length).toBeGreaterThanOrEqual(8)
  const questions = faq.map((entry) => entry.question)
  expect(starters.filter((starter) => !questions.includes(starter))).toEqual([])
})

test('plans begin free and get dearer, none gives less than a cheaper one, and the largest is talked about', () => {
  expect(plans.map(({ slug, price, yearly_price }) => [slug, price, yearly_price])).toEqual([
    ['free', '0.00', null],
    ['starter', '49.00', '490.00'],
    ['professional', '149.00', '1490.00'],
    ['enterprise', '0.00', null],
  ])
  expect(plans.map((plan) => [plan.is_default, plan.is_by_arrangement, plan.features.switches.api])).toEqual([
    [true, false, false],
    [false, false, false],
    [false, false, true],
    [false, true, true],
  ])
  const starter = plans[1]?.features.limits
  const professional = plans[2]?.features.limits
  expect([starter?.user_agents, starter?.runs_per_month]).toEqual([2, 5000])
  expect([professional?.user_agents, professional?.runs_per_month]).toEqual([5, 25_000])
  expect(Object.values(plans[3]!.features.limits).every((limit) => limit === null)).toBe(true)
  for (const name of limitNames) {
    const values = plans.map(({ features }) => features.limits[name] ?? Number.POSITIVE_INFINITY)
    expect(values).toEqual(values.toSorted((one, other) => one - other))
  }
  expect(plans.map(({ position }) => position)).toEqual(plans.map(({ position }) => position).toSorted((a, b) => a - b))
})

describe('a catalogue with faults', () => {
  test('is refused with the file and path of every one of them', async () => {
    const broken = await copyOfCatalogue()
    await edit(broken, 'sales', (agent) => {
      agent.capabilities.example_settings = { business_name: 'X' }
      agent.capabilities.instructions += ' {{settings.nothing}}'
    })
    await edit(broken, 'email', (agent) => {
      agent.type = 'spam' as 'other'
    })
    await edit(broken, 'research', (agent) => {
      agent.version = 2
    })
    await edit(broken, 'translator', (agent) => {
      agent.slug = 'interpreter'
    })
    await writeFile(join(broken, 'agents', 'half.json'), '{"slug": ')
    await writeFile(join(broken, 'plans.json'), JSON.stringify([{ ...plans[0], price: '-1' }]))

    const message = await readCatalogue(broken).then(
      () => 'was read',
      (error: Error) => error.message,
    )
    for (const part of [
      'sales.json /capabilities/example_settings/offers: Please fill this in.',
      'sales.json /capabilities/instructions: There is no setting "nothing"',
      'email.json /type: ',
      'research.json /changes: Must have one entry for each version, newest first: 2, 1.',
      'translator.json /slug: The file must be interpreter.json.',
      'half.json: ',
      'plans.json /0/price: Must be a price such as "19.00".',
    ]) {
      expect(message).toContain(part)
    }
    expect(message.split('\n')).toHaveLength(8)
  })

  test('is refused when a plan is listed twice or an agent has no example', async () => {
    const broken = await copyOfCatalogue()
    await edit(broken, 'sales', (agent) => {
      agent.capabilities.example_settings = {}
    })
    await writeFile(join(broken, 'plans.json'), JSON.stringify([...plans, plans[0]]))
    await expect(readCatalogue(broken)).rejects.toThrow(
      /sales\.json \/capabilities\/example_settings: A catalogue agent needs an example\.\n.*plans\.json \/4\/slug: "free" is listed twice\./,
    )
  })
})

async function copyOfCatalogue(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'catalogue-'))
  onTestFinished(() => rm(copy, { recursive: true }))
  await cp(folder, copy, { recursive: true })
  return copy
}

async function edit(copy: string, slug: string, change: (agent: CatalogueAgent) => void): Promise<void> {
  const file = join(copy, 'agents', `${slug}.json`)
  const agent = JSON.parse(await readFile(file, 'utf8')) as CatalogueAgent
  change(agent)
  await writeFile(file, JSON.stringify(agent))
}
