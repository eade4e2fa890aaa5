import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { ModelPrice } from '../runtime/models/model-registry.ts'

export interface OwnPrice extends ModelPrice {
  model: string
  updated_at: Date
}

/** Prices that an admin set, in US dollars per million tokens. */
export async function listOwnPrices(tx: Tx): Promise<OwnPrice[]> {
  const rows = await tx.selectFrom('model_prices').selectAll().orderBy('model').execute()
  return rows.map((row) => toPrice(row))
}

/** Answers the price before; null when there was none. Locks it, so that of two admins the second sees what the first did. */
export async function findOwnPrice(tx: Tx, model: string): Promise<OwnPrice | null> {
  const row = await tx.selectFrom('model_prices').selectAll().where('model', '=', model).forUpdate().executeTakeFirst()
  return row ? toPrice(row) : null
}

export async function setOwnPrice(tx: Tx, model: string, { input, output }: ModelPrice): Promise<void> {
  const prices = { input_usd: String(input), output_usd: String(output) }
  await tx
    .insertInto('model_prices')
    .values({ model, ...prices })
    .onConflict((conflict) => conflict.column('model').doUpdateSet({ ...prices, updated_at: sql`now()` }))
    .execute()
}

export async function deleteOwnPrice(tx: Tx, model: string): Promise<void> {
  await tx.deleteFrom('model_prices').where('model', '=', model).execute()
}

function toPrice(row: { model: string; input_usd: string; output_usd: string; updated_at: Date }): OwnPrice {
  return {
    model: row.model,
    input: Number(row.input_usd),
    output: Number(row.output_usd),
    updated_at: row.updated_at,
  }
}
