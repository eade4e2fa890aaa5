import type { IntegrationType } from './integration-type.ts'

/** Every kind of account that can be connected, in the order people see them. A new type is added here and in its folder. */
export const integrationTypes: readonly IntegrationType[] = []
