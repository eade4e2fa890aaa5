import { hash, verify } from '@node-rs/argon2'
import { z } from 'zod'
import { AppError } from '../errors.ts'

// OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane.
export const passwordHashOptions = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

// Each hash takes 19 MiB and a core for some 20 ms: more at once would only be slower for everybody.
const maxHashing = 2
// About two seconds of work; who comes after that is told to wait instead of piling up.
const maxWaiting = 80

const text = z
  .string()
  .max(1024, 'At most 1024 characters.')
  // A lone surrogate has no UTF-8 form: two different ones would make the same hash.
  .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'Characters that cannot be part of a password.')

export const newPasswordSchema = text
  .min(8, 'At least 8 characters.')
  .meta({ description: '8 to 1024 characters, kept as an argon2id hash', example: 'correct horse battery staple' })

export const givenPasswordSchema = text
  .min(1, 'Please fill this in.')
  .meta({ description: 'The present password', example: 'correct horse battery staple' })

let hashing = 0
const waiting: (() => void)[] = []

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (hashing >= maxHashing) {
    if (waiting.length >= maxWaiting) {
      throw new AppError('unavailable', { detail: 'Too many people are signing in.', retryAfterSeconds: 3 })
    }
    // Whoever ends hands its place on, so the count stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else {
    hashing += 1
  }
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else hashing -= 1
  }
}

/** A PHC string. Throws `unavailable` when too many hashes wait. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(spell(password), passwordHashOptions))
}

// What an account without a password, or no account at all, is compared with: the answer takes the same time.
// Made with `passwordHashOptions` from 32 random bytes that were thrown away.
export const nobodysHash =
  '$argon2id$v=19$m=19456,t=2,p=1$RvSaytPOJVjJ1WG7fPIxEw$vhHoOuxVh/tiunlOo9Fer38ZXM5RSW9drgkB78Z1fDI'

/** Takes the same time whether there is a hash or not; without one of argon2 the answer is no. */
export async function verifyPassword(passwordHash: string | null, password: string): Promise<boolean> {
  const hasHash = passwordHash?.startsWith('$argon2id$') ?? false
  const isRight = await inTurn(() => verify(hasHash && passwordHash ? passwordHash : nobodysHash, spell(password)))
  return isRight && hasHash
}

/** Keyboards and systems spell the same letter in two ways (RFC 8265 OpaqueString: NFC). */
function spell(password: string): string {
  return password.normalize('NFC')
}
