import { useCallback, useState } from 'react'

/**
 * State that survives a reload and a detour to another page of this tab, so that nothing typed is lost. `clear` forgets
 * it once it is saved.
 */
export function useDraft<Value>(key: string, initial: Value) {
  const [value, setValue] = useState<Value>(() => readDraft<Value>(key) ?? initial)
  const [isRestored, setIsRestored] = useState(() => readDraft<Value>(key) !== null)
  const change = useCallback(
    (next: Value) => {
      setValue(next)
      writeDraft(key, next)
    },
    [key],
  )
  const clear = useCallback(() => {
    setIsRestored(false)
    writeDraft(key, null)
  }, [key])
  /** Back to how it was before anything was typed. */
  const discard = useCallback(() => {
    setValue(initial)
    clear()
  }, [initial, clear])
  return { value, change, clear, discard, isRestored }
}

function readDraft<Value>(key: string): Value | null {
  try {
    const text = sessionStorage.getItem(`ax_draft_${key}`)
    return text === null ? null : (JSON.parse(text) as Value)
  } catch {
    return null
  }
}

function writeDraft(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(`ax_draft_${key}`)
    else sessionStorage.setItem(`ax_draft_${key}`, JSON.stringify(value))
  } catch {
    // Storage is full or switched off: the form itself still holds everything.
  }
}
