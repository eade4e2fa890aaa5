import type { Services } from '../../app.ts'
import { recordAudit } from '../../audit-log/record-audit.ts'
import { AppError } from '../../errors.ts'
import { deleteOwnPrice, findOwnPrice, setOwnPrice } from '../../models/model-price-queries.ts'
import { refreshModelPrices } from '../../models/model-prices.ts'
import type { AdminModel } from './admin-model-schemas.ts'
import { listAdminModels } from './list-admin-models.ts'

type PriceServices = Pick<Services, 'database' | 'models'>

/** For runs that begin from now on; here at once, on other servers within seconds. */
export async function changeModelPrice(
  services: PriceServices,
  adminId: string,
  { model, input_usd, output_usd }: { model: string; input_usd: number; output_usd: number },
): Promise<AdminModel> {
  const { database, models } = services
  if (models.find(model)?.isBuiltIn || model.startsWith('built-in/'))
    throw new AppError('conflict', { detail: 'The built-in model runs on this server and costs nothing.' })
  const changed = await database.asSystem('an admin sets the price of a model', async (tx) => {
    const before = await findOwnPrice(tx, model)
    await setOwnPrice(tx, model, { input: input_usd, output: output_usd })
    const described = (await listAdminModels(tx, models)).find(({ id }) => id === model)
    await recordAudit(tx, {
      actor: adminId,
      action: 'model_price.set',
      target: { type: 'model', id: model },
      detail: { from: before && { input_usd: before.input, output_usd: before.output }, to: { input_usd, output_usd } },
    })
    return described
  })
  await refreshModelPrices(services)
  if (!changed) throw new AppError('not_found')
  return changed
}

/** Throws `not_found` when the model has no own price. */
export async function resetModelPrice(services: PriceServices, adminId: string, model: string): Promise<void> {
  await services.database.asSystem('an admin goes back to the list price of a model', async (tx) => {
    const before = await findOwnPrice(tx, model)
    if (!before) throw new AppError('not_found')
    await deleteOwnPrice(tx, model)
    await recordAudit(tx, {
      actor: adminId,
      action: 'model_price.reset',
      target: { type: 'model', id: model },
      detail: { from: { input_usd: before.input, output_usd: before.output } },
    })
  })
  await refreshModelPrices(services)
}
