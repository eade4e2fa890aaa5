import { useEffect, useState } from 'react'

const announced = new EventTarget()

/** Names the tab, and tells screen readers which page is there now: a change of route is silent otherwise. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === 'AgentExpress' ? title : `${title} · AgentExpress`
    announced.dispatchEvent(new CustomEvent('title', { detail: title }))
  }, [title])
}

export function PageAnnouncer() {
  const [title, setTitle] = useState('')
  useEffect(() => {
    const listen = (event: Event) => event instanceof CustomEvent && setTitle(String(event.detail))
    announced.addEventListener('title', listen)
    return () => announced.removeEventListener('title', listen)
  }, [])
  return (
    <div aria-live="polite" aria-atomic="true" className="ax-visually-hidden">
      {title}
    </div>
  )
}
