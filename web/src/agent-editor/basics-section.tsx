import { Select, Textarea, TextInput } from '@mantine/core'
import type { AgentType } from '../../../server/src/catalogue/catalogue-schemas.ts'
import { agentTypeLooks } from '../ui/agent-type.ts'
import type { EditorSectionProps } from './editor-types.ts'
import { Section } from './section.tsx'

export function BasicsSection({ draft, change, faultAt }: EditorSectionProps) {
  return (
    <Section id="basics" title="What it is" help="How people find it in the catalogue.">
      <TextInput
        id="agent-name"
        label="Name"
        withAsterisk
        maxLength={100}
        value={draft.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
        error={faultAt('/name')}
      />
      <Select
        id="agent-type"
        label="Type"
        data={Object.entries(agentTypeLooks).map(([value, { label }]) => ({ value, label }))}
        value={draft.type}
        onChange={(next) => next && change({ type: next as AgentType })}
        allowDeselect={false}
        maw={320}
        error={faultAt('/type')}
      />
      <Textarea
        id="agent-description"
        label="Description"
        description="What it does for people. The first sentence stands on its card."
        withAsterisk
        autosize
        minRows={3}
        maxRows={10}
        maxLength={2000}
        value={draft.description}
        onChange={(event) => change({ description: event.currentTarget.value })}
        error={faultAt('/description')}
      />
    </Section>
  )
}
