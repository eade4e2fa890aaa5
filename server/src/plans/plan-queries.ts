import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

/** Cheapest first. */
export function listPlans(tx: Tx) {
  return tx
    .selectFrom('plans')
    .select(['id', 'slug', 'name', 'description', 'price', 'features'])
    .orderBy('price')
    .orderBy('id')
    .execute()
}

interface NewPlan {
  id: string
  slug: string
  name: string
  description: string
  price: string
  features: unknown
}

/** Writes a plan of the catalogue; a row that already says the same is left alone. */
export async function savePlan(tx: Tx, { features, ...plan }: NewPlan): Promise<void> {
  await tx
    .insertInto('plans')
    .values({ ...plan, features: JSON.stringify(features) })
    .onConflict((conflict) =>
      conflict
        .column('slug')
        .doUpdateSet((set) => ({
          name: set.ref('excluded.name'),
          description: set.ref('excluded.description'),
          price: set.ref('excluded.price'),
          features: set.ref('excluded.features'),
        }))
        .where(
          sql<boolean>`(plans.name, plans.description, plans.price, plans.features) is distinct from (excluded.name, excluded.description, excluded.price, excluded.features)`,
        ),
    )
    .execute()
}
