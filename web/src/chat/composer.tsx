import { ActionIcon, Textarea } from '@mantine/core'
import { IconArrowUp, IconPlayerStopFilled } from '@tabler/icons-react'
import type { KeyboardEvent, Ref } from 'react'
import classes from './chat.module.css'

interface ComposerProps {
  text: string
  onChange: (text: string) => void
  onSend: () => void
  onStop: () => void
  isBusy: boolean
  isDisabled: boolean
  placeholder: string
  fieldRef: Ref<HTMLTextAreaElement>
}

/** Where the message is typed. Enter sends, Shift+Enter begins a new line; while an answer comes one can type on. */
export function Composer({ text, onChange, onSend, onStop, isBusy, isDisabled, placeholder, fieldRef }: ComposerProps) {
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== 'Enter' || event.shiftKey) return
    // An input method takes Enter to choose a word. Safari ends the composition before the key, but keeps 229 as its code.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return
    event.preventDefault()
    if (!isBusy) onSend()
  }
  return (
    <form
      className={classes.composer}
      onSubmit={(event) => {
        event.preventDefault()
        if (!isBusy) onSend()
      }}
    >
      <Textarea
        ref={fieldRef}
        aria-label="Message"
        placeholder={placeholder}
        autosize
        minRows={1}
        maxRows={8}
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        disabled={isDisabled}
        variant="unstyled"
        flex={1}
        classNames={{ input: classes.composerInput }}
      />
      {/* Keys, because one element that turned from "Stop" into "Send" during its own click would send the form. */}
      {isBusy ? (
        <ActionIcon key="stop" size={38} radius="xl" variant="default" aria-label="Stop" onClick={onStop}>
          <IconPlayerStopFilled size={16} aria-hidden />
        </ActionIcon>
      ) : (
        <ActionIcon
          key="send"
          type="submit"
          size={38}
          radius="xl"
          variant="filled"
          aria-label="Send"
          disabled={isDisabled || text.trim() === ''}
        >
          <IconArrowUp size={20} aria-hidden />
        </ActionIcon>
      )}
    </form>
  )
}
