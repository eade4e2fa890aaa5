import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { isConnectionLost, toAppError, toConnectError } from './database-errors.ts'

function refusal(code: string, severity = 'ERROR'): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('refused', 10, 'error'), { code, severity })
}
const socketError = (code: string) => Object.assign(new Error('socket'), { code })

describe('a connection is of no more use after', () => {
  test.each([
    ['08006', refusal('08006')],
    ['08P01', refusal('08P01')],
    ['57P01', refusal('57P01')],
    ['57P02', refusal('57P02')],
    ['57P03', refusal('57P03')],
    ['57P05', refusal('57P05')],
    ['25P03', refusal('25P03')],
    ['anything fatal', refusal('XX000', 'FATAL')],
    ['ECONNRESET', socketError('ECONNRESET')],
    ['EPIPE', socketError('EPIPE')],
    ['ETIMEDOUT', socketError('ETIMEDOUT')],
    ['an end without a word', new Error('Connection terminated unexpectedly')],
    ['silence', new Error('Query read timeout')],
  ])('%s', (_name, error) => {
    expect(isConnectionLost(error)).toBe(true)
    expect(toAppError(error, true)).toMatchObject({ code: 'unavailable', status: 503, retryAfterSeconds: 2 })
  })
})

describe('a connection goes on serving after', () => {
  test.each([
    ['a missing file', socketError('ENOENT')],
    ['a refusal of a library', socketError('FST_ERR_BAD_URL')],
    ['a wrong key', socketError('ERR_JWE_DECRYPTION_FAILED')],
    ['a fault in the work', new TypeError('connection is not defined')],
    ['what is no error', 'timeout'],
    ['a cancelled statement', refusal('57014')],
    ['a lock that was not to be had', refusal('55P03')],
    ['a full disk', refusal('53100')],
    ['a broken constraint', refusal('23505')],
  ])('%s', (_name, error) => {
    expect(isConnectionLost(error)).toBe(false)
  })
})

describe('the caller is told', () => {
  test.each([
    ['57014', 'database_timeout', 5],
    ['55P03', 'unavailable', 2],
    ['40001', 'unavailable', 2],
    ['40P01', 'unavailable', 2],
    ['53000', 'unavailable', 2],
    ['53200', 'unavailable', 2],
    ['53300', 'unavailable', 2],
    ['53400', 'unavailable', 2],
    ['53100', 'unavailable', 60],
    ['42501', 'forbidden', undefined],
    ['22021', 'invalid_request', undefined],
  ])('of SQLSTATE %s as %s', (state, code, retryAfterSeconds) => {
    expect(toAppError(refusal(state), false)).toMatchObject({ code, retryAfterSeconds })
  })

  test('nothing else than what went wrong, when it is not the database', () => {
    const own = new AppError('conflict')
    const fault = socketError('ENOENT')
    expect(toAppError(own, true)).toBe(own)
    expect(toAppError(fault, false)).toBe(fault)
    expect(toAppError(refusal('23505'), false)).toBeInstanceOf(pg.DatabaseError)
  })

  test('whether it is too busy or cannot be reached, when there is no connection', () => {
    expect(toConnectError(new Error('timeout exceeded when trying to connect')).message).toMatch(/too busy/)
    expect(toConnectError(socketError('ECONNREFUSED')).message).toMatch(/cannot be reached/)
  })
})
