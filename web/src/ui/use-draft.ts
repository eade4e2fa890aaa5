import { useCallback, useEffect, useRef, useState } from 'react'

/**
 * State that survives a reload and a detour to another page of this tab, so that nothing typed is lost. Written only
 * once the person has touched the page: a form that fills in its own defaults has nothing to keep.
 */
export function useDraft<Value>(key: string, initialValue: Value) {
  const [initial] = useState(initialValue)
  const [value, setValue] = useState<Value>(() => readDraft<Value>(key) ?? initial)
  const [isRestored, setIsRestored] = useState(() => readDraft<Value>(key) !== null)
  const isTouched = useRef(false)
  const isCleared = useRef(false)

  useEffect(() => {
    const touch = () => {
      isTouched.current = true
    }
    const events = ['keydown', 'pointerdown', 'paste'] as const
    for (const event of events) addEventListener(event, touch, { capture: true })
    return () => {
      for (const event of events) removeEventListener(event, touch, { capture: true })
    }
  }, [])

  useEffect(() => {
    if (isTouched.current && !isCleared.current && value !== initial) writeDraft(key, value)
  }, [key, value, initial])

  const update = useCallback((next: (before: Value) => Value) => setValue(next), [])
  /** Forgets the draft once it is saved. */
  const clear = useCallback(() => {
    isCleared.current = true
    setIsRestored(false)
    writeDraft(key, null)
  }, [key])
  /** Back to how it was before anything was typed. */
  const discard = useCallback(() => {
    setValue(initial)
    setIsRestored(false)
    writeDraft(key, null)
  }, [initial, key])
  return { value, update, clear, discard, isRestored }
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
