import { Button, CopyButton as MantineCopyButton } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'

/** Copies the text and says so for two seconds. */
export function CopyButton({ text, label = 'Copy', size = 'xs' }: { text: string; label?: string; size?: string }) {
  return (
    <MantineCopyButton value={text} timeout={2000}>
      {({ copied, copy }) => (
        <Button
          size={size}
          variant="default"
          onClick={copy}
          leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
          aria-live="polite"
        >
          {copied ? 'Copied' : label}
        </Button>
      )}
    </MantineCopyButton>
  )
}
