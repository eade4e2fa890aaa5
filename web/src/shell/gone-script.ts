/**
 * Whether a page could not be loaded because its script or style is not there any more: the site was updated after this
 * tab was opened, or the network is away. Words of Chrome, Firefox and Safari, and of Vite for styles.
 */
export function isScriptGone(error: unknown): error is Error {
  return error instanceof Error && goneWords.test(error.message)
}

const goneWords =
  /^(Failed to fetch dynamically imported module|error loading dynamically imported module|Importing a module script failed|Unable to preload CSS)/

/**
 * Whether to reload without being asked, which is once for each script, or a site that is broken would reload for ever.
 * The router does it by itself for scripts of pages, under a key of its own; what it leaves is ours.
 */
export function mayReload(error: Error, storage: () => Pick<Storage, 'getItem' | 'setItem'>): boolean {
  try {
    const tab = storage()
    const key = `ax_reloaded_${error.message}`
    if (tab.getItem(key) !== null || tab.getItem(`tanstack_router_reload:${error.message}`) !== null) return false
    tab.setItem(key, '1')
    return true
  } catch {
    // Nothing can be remembered here.
    return false
  }
}
