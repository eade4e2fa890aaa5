import { useCallback, useEffect, useRef, useState } from 'react'
import { readDraft, writeDraft } from './drafts.ts'

/** The text being typed. It outlives a reload, also after it was sent and until the server has it. */
export function useDraft(userAgentId: string, conversationId: string | undefined) {
  const [text, setText] = useState(() => readDraft(userAgentId, conversationId))
  const [sent, setSent] = useState('')
  const key = useRef(conversationId)

  useEffect(() => {
    // The first run gave the conversation its id: the draft moves from the new one to it.
    if (key.current !== conversationId) writeDraft(userAgentId, key.current, '')
    key.current = conversationId
    writeDraft(userAgentId, conversationId, joinTexts(sent, text))
  }, [userAgentId, conversationId, sent, text])

  const noteSent = useCallback((input: string) => {
    setSent(input)
    setText('')
  }, [])
  const forgetSent = useCallback(() => setSent(''), [])
  /** Puts what could not be sent back before what was typed since. */
  const giveBack = useCallback((input: string | null) => {
    setSent('')
    if (input) setText((typed) => joinTexts(input, typed))
  }, [])

  return { text, setText, noteSent, forgetSent, giveBack }
}

function joinTexts(first: string, second: string): string {
  return [first, second].filter((part) => part.trim() !== '').join('\n\n')
}
