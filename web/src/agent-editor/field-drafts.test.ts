import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { capabilitiesSchema, settingsSchemaSchema } from '../../../server/src/agents/capabilities.ts'
import { type FieldDraft, nameFromTitle, newField, toFieldDrafts, toSettingsSchema } from './field-drafts.ts'

const folder = new URL('../../../catalogue/agents/', import.meta.url)
const catalogue = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')))

describe('the fields of a form', () => {
  test.each(catalogue.map((agent) => [agent.slug, agent]))('of %s are the same after editing nothing', (_, agent) => {
    const { settings } = capabilitiesSchema.parse(agent.capabilities)
    expect(toSettingsSchema(toFieldDrafts(settings))).toEqual(settings)
    expect(Object.keys(toSettingsSchema(toFieldDrafts(settings)).properties)).toEqual(Object.keys(settings.properties))
  })

  test('become a schema the server takes, whatever their kind', () => {
    const kinds = ['text', 'long_text', 'number', 'yes_no', 'choice', 'list', 'questions'] as const
    const fields = kinds.map(
      (kind): FieldDraft => ({ ...newField(kind), name: kind, title: kind, kind, choices: ['Red', 'Blue'] }),
    )
    const schema = toSettingsSchema(fields)
    expect(settingsSchemaSchema.parse(schema)).toEqual(schema)
    expect(schema.properties.choice).toMatchObject({ type: 'string', enum: ['Red', 'Blue'] })
    expect(schema.properties.text).not.toHaveProperty('enum')
  })

  test('keep what the editor does not show, and lose it when the kind changes', () => {
    const [field] = toFieldDrafts({
      type: 'object',
      properties: { shop: { type: 'string', title: 'Shop', maxLength: 77 } },
      required: ['shop'],
    })
    const renamed = toSettingsSchema([{ ...field!, title: 'Your shop' }])
    expect(renamed).toEqual({
      type: 'object',
      properties: { shop: { type: 'string', title: 'Your shop', maxLength: 77 } },
      required: ['shop'],
    })
    expect(toSettingsSchema([{ ...field!, kind: 'number' }]).properties.shop).toEqual({ type: 'number', title: 'Shop' })
  })

  test('have defaults of the type of their kind', () => {
    const field = (kind: FieldDraft['kind'], defaultValue: string) =>
      toSettingsSchema([{ ...newField('a'), name: 'a', kind, defaultValue }]).properties.a
    expect(field('number', '2.5')).toMatchObject({ default: 2.5 })
    expect(field('number', 'many')).not.toHaveProperty('default')
    expect(field('yes_no', 'false')).toMatchObject({ default: false })
    expect(field('text', '12')).toMatchObject({ default: '12' })
    expect(field('text', '')).not.toHaveProperty('default')
  })
})

describe('the name of a field', () => {
  test('comes from its question', () => {
    expect(nameFromTitle('What is your shop called?', [])).toBe('what_is_your_shop_called')
    expect(nameFromTitle('2 Öffnungszeiten', [])).toBe('offnungszeiten')
    expect(nameFromTitle('営業時間', [])).toBe('field')
  })

  test('is never given twice', () => {
    expect(nameFromTitle('Tone', ['tone', 'tone_2'])).toBe('tone_3')
  })
})
