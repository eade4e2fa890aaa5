import type { TemporaryRoutes } from './temporary-routes.ts'

type Routes = TemporaryRoutes

/** `METHOD /path` of every route of the API. */
export type RouteKey = keyof Routes

/** `params`, `query` and `body` of a request, as they go over the wire. */
export type RequestOf<Key extends RouteKey> = Omit<Routes[Key], 'response'>

/** The body of a 2xx answer, as it comes over the wire. */
export type ResponseOf<Key extends RouteKey> = Routes[Key]['response']
