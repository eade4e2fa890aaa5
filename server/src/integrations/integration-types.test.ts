import { expect, test } from 'vitest'
import { createIntegrationTypes } from './integration-types.ts'

const types = createIntegrationTypes({
  mcpStdioCommands: { files: { command: 'files', args: [], env: {}, title: 'Files' } },
})

test('every choice of a form has a title for people', () => {
  const fields = types.flatMap(({ type, settings, credentials }) =>
    [settings, credentials].flatMap(({ properties }) =>
      Object.entries(properties).map(([name, field]) => ({ place: `${type}.${name}`, field })),
    ),
  )
  const choices = fields.flatMap(({ place, field }) => ('enum' in field && field.enum ? [{ place, ...field }] : []))
  expect(choices.length).toBeGreaterThan(8)
  for (const { place, enum: values, enum_titles } of choices) {
    expect(Object.keys(enum_titles ?? {}).sort(), place).toEqual(values?.map(String).sort())
    expect(Object.values(enum_titles ?? {}), place).not.toContain('')
  }
})
