import type { ErrorSchema } from '@rjsf/utils'
import type { Fault } from '../../../api-client/src/api-error.ts'
import { parsePointer } from '../../../server/src/agents/check-storable.ts'

/** First part of the id of every field in a settings form. */
export const fieldIdPrefix = 'settings'

interface ErrorNode {
  [key: string]: ErrorNode | string[] | undefined
  __errors?: string[]
}

/** Faults by JSON pointer, such as the server answers, in the nested shape that the form takes. */
export function toErrorSchema(faults: readonly Fault[]): ErrorSchema {
  const root: ErrorNode = Object.create(null)
  for (const { path, message } of faults) {
    let node = root
    for (const key of parsePointer(path)) {
      const next = node[key]
      if (next === undefined || Array.isArray(next)) {
        const child: ErrorNode = Object.create(null)
        node[key] = child
        node = child
      } else node = next
    }
    node.__errors = [...(node.__errors ?? []), message]
  }
  return root as ErrorSchema
}

/** Faults that lie below `prefix`, with their path from there on. */
export function faultsBelow(prefix: string, faults: readonly Fault[]): Fault[] {
  return faults
    .filter(({ path }) => path === prefix || path.startsWith(`${prefix}/`))
    .map(({ path, message }) => ({ path: path.slice(prefix.length), message }))
}

/** Ids of the fields a fault may be shown at, the nearest first. */
export function fieldIdsOf(path: string, idPrefix = fieldIdPrefix): string[] {
  const keys = parsePointer(path)
  return keys.map((_, index) => [idPrefix, ...keys.slice(0, keys.length - index)].join('_'))
}

/** Puts the focus on the first field with a fault, in the order of the page. */
export function focusFirstFault(
  root: HTMLElement | null,
  faults: readonly Fault[],
  idPrefix: string = fieldIdPrefix,
): void {
  const fields = faults.flatMap(({ path }) => {
    const field = fieldIdsOf(path, idPrefix)
      .map((id) => root?.querySelector<HTMLElement>(`[id="${CSS.escape(id)}"]`))
      .find(Boolean)
    return field ? [field] : []
  })
  fields.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1))
  const first = fields[0]
  first?.scrollIntoView({ block: 'center' })
  first?.focus({ preventScroll: true })
}
