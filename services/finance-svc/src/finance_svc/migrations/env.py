from finance_svc.storage import METADATA
from lemai_chassis import migrations

migrations.run(METADATA)
