from kingdee_adapter.storage import METADATA
from lemai_chassis import migrations

migrations.run(METADATA)
