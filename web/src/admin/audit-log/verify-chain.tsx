import { Alert, Button, Code, Group, List, Stack, Text, TextInput } from '@mantine/core'
import { IconLink, IconLinkOff, IconShieldCheck } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { Section } from '../../account/section.tsx'
import { formatCount } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Failure } from '../action-dialog.tsx'

type Report = ResponseOf<'GET /api/v1/admin/audit-log/verify'>

/** Computes all hashes anew and says in words what came of it. */
export function VerifyChain() {
  const [head, setHead] = useState('')
  const verify = useMutation({
    mutationFn: () => api('GET /api/v1/admin/audit-log/verify', { query: { head: head.trim() || undefined } }),
  })
  return (
    <Section
      title="Is it as it was written?"
      description="Each entry carries the hash of the one before it: what was changed, taken out or put in between shows."
    >
      <Group align="flex-end" gap="sm">
        <TextInput
          flex="1 1 260px"
          label="A head that you kept (optional)"
          description="The hash that this page told you earlier shows also whether the end was cut off."
          value={head}
          maxLength={64}
          spellCheck={false}
          onChange={(event) => setHead(event.currentTarget.value)}
        />
        <Button
          onClick={() => verify.mutate()}
          loading={verify.isPending}
          leftSection={<IconShieldCheck size={18} aria-hidden />}
        >
          Verify
        </Button>
      </Group>
      <div role="status">{verify.data && <Result report={verify.data} />}</div>
      {verify.isError && <Failure error={verify.error} />}
    </Section>
  )
}

function wholeWords(entries: number): string {
  if (entries === 0) return 'There are no entries yet.'
  return entries === 1
    ? 'The one entry is as it was written.'
    : `All ${formatCount(entries)} entries are as they were written.`
}

function Result({ report }: { report: Report }) {
  const { is_intact, entries, head_hash, faults } = report
  return (
    <Alert
      color={is_intact ? 'spruce' : 'red'}
      icon={is_intact ? <IconLink aria-hidden /> : <IconLinkOff aria-hidden />}
      title={is_intact ? 'The chain is whole' : 'Somebody tampered with it'}
    >
      <Stack gap="xs">
        {is_intact ? (
          <Text size="sm">{wholeWords(entries)}</Text>
        ) : (
          <>
            <List size="sm">
              {faults.map((fault) => (
                <List.Item key={`${fault.id} ${fault.kind}`}>{fault.detail}</List.Item>
              ))}
            </List>
            <Text size="sm">
              Only somebody with full power over the database can do this. Compare with a backup from before, and change
              the passwords of the database.
            </Text>
          </>
        )}
        {head_hash && (
          <Group gap="xs">
            <Text size="sm">Head, to be kept elsewhere:</Text>
            <Code style={{ overflowWrap: 'anywhere' }}>{head_hash}</Code>
            <CopyButton text={head_hash} />
          </Group>
        )}
      </Stack>
    </Alert>
  )
}
