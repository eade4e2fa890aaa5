import { expect, test } from 'vitest'
import type { IntegrationType } from '../../../api-client/src/api-types.ts'
import { changesOf, checkEntered, completeSettings, shownForm } from './shown-form.ts'

const type = {
  type: 'server',
  settings: {
    type: 'object',
    properties: {
      url: { type: 'string', title: 'Address', format: 'uri' },
      authentication: { type: 'string', title: 'Sign-in', enum: ['none', 'bearer'], default: 'none' },
      note: { type: 'string', title: 'Note' },
    },
    required: ['url'],
  },
  credentials: {
    type: 'object',
    properties: {
      token: {
        type: 'string',
        title: 'Token',
        format: 'password',
        shown_when: { field: 'authentication', is: ['bearer'] },
      },
      extra: { type: 'string', title: 'Extra', format: 'password' },
    },
    required: ['token'],
  },
} as unknown as IntegrationType

test('A field is shown while another setting has one of its values, also by default.', () => {
  const shown = (settings: Record<string, unknown>) =>
    Object.keys(shownForm(type.credentials, completeSettings(type.settings, settings)).properties)
  expect(shown({})).toEqual(['extra'])
  expect(shown({ authentication: 'bearer' })).toEqual(['token', 'extra'])
})

test('A hidden field is not asked for, a shown one is, and one that the server has is not.', () => {
  const check = (authentication: string, kept: string[] = []) =>
    checkEntered(type, { settings: { url: 'https://example.com', authentication }, credentials: {}, kept })
  expect(check('none')).toEqual([])
  expect(check('bearer')).toEqual([{ path: '/credentials/token', message: 'Please fill this in.' }])
  expect(check('bearer', ['token'])).toEqual([])
})

test('Faults of the settings carry their path.', () => {
  const faults = checkEntered(type, { settings: { url: 'nonsense' }, credentials: {}, kept: [] })
  expect(faults.map(({ path }) => path)).toEqual(['/settings/url'])
})

test('A change sends new credentials and removed ones as null, and leaves out what stays.', () => {
  const entered = { url: 'https://example.com', authentication: 'bearer', note: undefined }
  const changes = changesOf(
    type,
    { settings: entered, credentials: { token: undefined }, kept: ['extra'], removed: ['extra'] },
    { settings: { url: 'https://old.example.com', note: 'old' } },
  )
  expect(changes).toEqual({
    settings: { url: 'https://example.com', authentication: 'bearer', note: null },
    credentials: { extra: null },
  })
})

test('A credential of a field that is hidden now is not sent.', () => {
  const { credentials } = changesOf(
    type,
    { settings: { url: 'https://example.com' }, credentials: { token: 'left over' }, kept: [], removed: [] },
    { settings: {} },
  )
  expect(credentials).toEqual({})
})
