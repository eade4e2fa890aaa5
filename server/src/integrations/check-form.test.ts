import { describe, expect, test } from 'vitest'
import { checkForm } from './check-form.ts'
import type { ConnectionForm } from './integration-type.ts'

const settingsForm: ConnectionForm = {
  type: 'object',
  properties: {
    auth: { type: 'string', title: 'How?', enum: ['none', 'key'], default: 'none' },
    header: { type: 'string', title: 'Header', shown_when: { field: 'auth', is: ['key'] } },
    port: { type: 'integer', title: 'Port', default: 443 },
  },
  required: ['auth', 'header'],
}
const credentialsForm: ConnectionForm = {
  type: 'object',
  properties: {
    key: { type: 'string', title: 'Key', format: 'password', shown_when: { field: 'auth', is: ['key'] } },
  },
  required: ['key'],
}
const settings = (given: object) => checkForm(settingsForm, { ...given }, { settings: { ...given }, path: '/settings' })
const credentials = (given: object, shownBy: object) =>
  checkForm(credentialsForm, { ...given }, { settings: { ...shownBy }, path: '/credentials' })

describe('a form', () => {
  test('is filled with its defaults', () => {
    expect(settings({})).toEqual({ values: { auth: 'none', port: 443 }, faults: [] })
  })

  test('requires a field only while it is shown', () => {
    expect(settings({ auth: 'key' }).faults).toEqual([{ path: '/settings/header', message: 'Please fill this in.' }])
    expect(credentials({}, { auth: 'key' }).faults).toEqual([
      { path: '/credentials/key', message: 'Please fill this in.' },
    ])
    expect(credentials({}, { auth: 'none' }).faults).toEqual([])
  })

  test('drops what it does not show, and refuses what it does not know', () => {
    expect(settings({ auth: 'none', header: 'X-Key' })).toEqual({ values: { auth: 'none', port: 443 }, faults: [] })
    expect(credentials({ key: 'abc' }, { auth: 'none' }).values).toEqual({})
    expect(settings({ colour: 'red' }).faults).toEqual([
      { path: '/settings/colour', message: 'There is no such field.' },
    ])
  })

  test('takes a password as text', () => {
    expect(credentials({ key: 'abc' }, { auth: 'key' })).toEqual({ values: { key: 'abc' }, faults: [] })
    expect(credentials({ key: 1 }, { auth: 'key' }).faults).toEqual([
      { path: '/credentials/key', message: 'Must be text.' },
    ])
  })
})
