import { useRef, useState } from 'react'

export interface TestState {
  kind: 'testing' | 'works' | 'fails'
  message: string
}

/** Tries a connection and tells how it goes; the answer of an older try never replaces that of a newer one. */
export function useConnectionTest() {
  const [state, setState] = useState<TestState | null>(null)
  const latest = useRef(0)
  /** Throws what `test` throws: a form that is not complete is no failed connection. */
  const run = async (test: () => Promise<{ ok: boolean; message: string }>): Promise<boolean> => {
    const mine = ++latest.current
    setState({ kind: 'testing', message: 'Trying the connection. This takes 15 seconds at most.' })
    try {
      const { ok, message } = await test()
      if (mine === latest.current) setState({ kind: ok ? 'works' : 'fails', message })
      return ok
    } catch (error) {
      if (mine === latest.current) setState(null)
      throw error
    }
  }
  const clear = () => {
    latest.current++
    setState(null)
  }
  return { state, run, clear }
}
