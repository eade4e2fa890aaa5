import { createHash } from 'node:crypto'
import { isMissing } from './open-stripe.ts'
import type { StripeContext } from './stripe-context.ts'
import { findCustomerId, saveCustomer } from './stripe-queries.ts'

/**
 * The customer of a user, made once: servers that do so at the same time get the same one from Stripe. One that was deleted
 * there gets a successor.
 */
export async function ensureCustomer(context: StripeContext, userId: string): Promise<string> {
  const { account, database } = context
  const { known, user } = await database.asSystem('somebody is about to pay', async (tx) => ({
    known: await findCustomerId(tx, userId),
    user: await tx
      .selectFrom('users')
      .select(['email', 'first_name', 'last_name'])
      .where('id', '=', userId)
      .executeTakeFirstOrThrow(),
  }))
  if (known && !(await isDeleted(context, known))) return known
  const name = [user.first_name, user.last_name].filter(Boolean).join(' ')
  const customer = await account.ask((client) =>
    client.customers.create(
      { email: user.email, ...(name && { name }), metadata: { user_id: userId } },
      { idempotencyKey: keyOf('customer', userId, user.email, name, known ?? '') },
    ),
  )
  return await database.asSystem('somebody is about to pay', (tx) => saveCustomer(tx, userId, customer.id, known))
}

/** Also when this account of Stripe has never known them: the keys were another account's, or of its test mode. */
export async function isDeleted({ account }: Pick<StripeContext, 'account'>, customer: string): Promise<boolean> {
  try {
    return (await account.ask((client) => client.customers.retrieve(customer))).deleted === true
  } catch (error) {
    if (isMissing(error)) return true
    throw error
  }
}

/** One key for one content: Stripe refuses a key that comes with other words, and it must not tell any. */
export function keyOf(kind: string, ...content: readonly string[]): string {
  return `${kind}-${createHash('sha256').update(JSON.stringify(content)).digest('base64url')}`
}
