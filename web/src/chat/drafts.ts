// A private window or a full store throws on use; what is typed then lives as long as the page.
function store(): Storage | null {
  try {
    return window.sessionStorage
  } catch {
    return null
  }
}

/** What was typed and not yet sent, apart for each conversation. */
function draftKey(userAgentId: string, conversationId: string | undefined) {
  return `draft:${userAgentId}:${conversationId ?? 'new'}`
}

export function readDraft(userAgentId: string, conversationId: string | undefined): string {
  try {
    return store()?.getItem(draftKey(userAgentId, conversationId)) ?? ''
  } catch {
    return ''
  }
}

export function writeDraft(userAgentId: string, conversationId: string | undefined, text: string) {
  try {
    if (text === '') store()?.removeItem(draftKey(userAgentId, conversationId))
    else store()?.setItem(draftKey(userAgentId, conversationId), text)
  } catch {
    // Over quota: the text is still in the field.
  }
}
