from lemai_chassis import migrations
from stock_svc.storage.rows import METADATA

migrations.run(METADATA)
